"""Error codes of the push service: one table owns status, code and sentence."""

from enum import Enum


class ErrorCode(Enum):
    """A reason to refuse a push message; the name in lower case is its code."""

    UNKNOWN_ENDPOINT = (404, "Nobody ever subscribed here.")
    GONE = (410, "The receiver has unsubscribed.")
    TIMEOUT = (408, "The body did not arrive in time.")
    TOO_LARGE = (413, "The body is over 4096 bytes.")
    BAD_TTL = (400, "TTL must be there, in whole seconds.")
    BAD_URGENCY = (400, "Urgency must be very-low, low, normal or high.")
    BAD_TOPIC = (400, "Topic must be 1 to 32 characters of base64url.")
    BAD_ENCODING = (415, "A body needs Content-Encoding: aes128gcm.")
    BAD_BODY = (400, "The body does not start with the header of RFC 8291.")
    NO_AUTHORIZATION = (401, "Authorization must be `vapid t=..., k=...`.")
    BAD_KEY = (401, "k is not an uncompressed point on P-256.")
    BAD_TOKEN = (401, "t is not a JWT with aud, exp and sub, marked ES256.")
    BAD_SIGNATURE = (401, "k did not sign t.")
    WRONG_AUDIENCE = (401, "aud is not this push service's origin.")
    EXPIRED = (401, "exp must be in the future, at most 24 hours ahead.")
    BAD_CONTACT = (401, "sub must be a mailto: or an https: URL.")
    WRONG_KEY = (403, "The subscription belongs to another application server key.")

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason

    @property
    def text(self) -> str:
        """The code as programs branch on it."""
        return self.name.lower()


class PushError(Exception):
    """A push message was refused, for one reason of the table."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.reason)
        self.code = code
