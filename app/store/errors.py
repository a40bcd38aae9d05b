"""Refusals of the store: unknown recipients, stale updates, an outage of the database.

`DatabaseMisconfigured` is no refusal: an operator has to mend it.

Refused
├── UnknownRecipient     404 unknown_recipient
├── StaleUpdate          409 stale_update
├── SubscriptionGone     410 subscription_gone
├── DatabaseUnavailable  503 database_unavailable
└── OutdatedSchema       503 outdated_schema
"""

from app.protocol.errors import Refused


class UnknownRecipient(Refused):
    """Nobody is registered under this address."""

    code = "unknown_recipient"
    status = 404
    reason = "Nobody is registered under the recipient's address."


class StaleUpdate(Refused):
    """The update is not newer than the one that is stored."""

    code = "stale_update"
    status = 409
    reason = "A newer update is stored already: sign a new one with the present time."


class SubscriptionGone(Refused):
    """The push service said that this subscription is gone: the browser must subscribe anew."""

    code = "subscription_gone"
    status = 410
    reason = "The push service of this subscription said that it is gone: unsubscribe, and subscribe anew."


class DatabaseUnavailable(Refused):
    """The database does not answer."""

    code = "database_unavailable"
    status = 503
    reason = "The server's database is unavailable: try again soon."


class OutdatedSchema(Refused):
    """The database's tables are older than this version of the server."""

    code = "outdated_schema"
    status = 503
    reason = "The database's schema is outdated: run `whisper migrate`."


class DatabaseMisconfigured(Exception):
    """The database does not let this server do its work: credentials, the database's name, rights, TLS."""
