"""Classification of database errors: an outage, a wrong configuration, or a fault of ours."""

from ssl import SSLEOFError, SSLError, SSLSyscallError, SSLZeroReturnError

from asyncpg import (
    ClientConfigurationError,
    InterfaceError,
    InternalClientError,
    PostgresError,
    TargetServerAttributeNotMatched,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# A lock that was not to be had in time.
_LOCKED = "55P03"

# What an outage is, by SQLSTATE: the first characters of those that the server may answer through no fault of
# ours. Whatever is not here, a wrong argument, a syntax error, "not supported", is a fault of ours.
_OUTAGES = (
    "08",  # the connection was lost or refused
    "25006",  # a write that a standby, or a demoted primary, refuses
    "40",  # rolled back: a deadlock, a conflict with what a replica replays
    "53",  # too many connections, no memory, a full disk
    _LOCKED,
    "57",  # cancelled, shutting down, starting up
)

# Those that say of the connection, and most likely of all others in the pool, that it is of no more use.
_LOST = ("08", "25006", "57P")

# What an operator has to mend: credentials, the database's name, rights.
_MISCONFIGURED = ("28", "3D", "42501")


# What asyncpg says when TLS is required and the server has none, in the error of a refused connection.
NO_TLS = "rejected SSL upgrade"

# Errors of TLS that say no more than that the connection ended.
_TLS_ENDED = (SSLEOFError, SSLSyscallError, SSLZeroReturnError)


def first_line(error: BaseException | None) -> str:
    """Return what went wrong in one line for an operator; the driver's messages name no password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return next(iter(str(cause).splitlines()), type(cause).__name__)


def hide_details(error: BaseException) -> None:
    """Cut the messages of *error* and its causes to one line: the driver's details show a row's values."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PostgresError):
            cause.detail = None
        cause.args = tuple(each.partition("\n")[0] if isinstance(each, str) else each for each in cause.args)
        cause = cause.__cause__ or cause.__context__


def is_outage(error: BaseException) -> bool:
    """Tell whether *error* says that the database is away for now, rather than that we made a mistake."""
    driver_error = _driver_error(error)
    if is_misconfigured(error):
        return False
    return isinstance(driver_error, (OSError, PoolTimeout, TargetServerAttributeNotMatched)) or (
        sqlstate(error).startswith(_OUTAGES)
    )


def sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of *error*, empty when it has none."""
    return getattr(_driver_error(error), "sqlstate", None) or ""


def is_lost(error: BaseException) -> bool:
    """Tell whether the connection is of no more use, and another may do."""
    driver_error = _driver_error(error)
    return sqlstate(error).startswith(_LOST) or (
        isinstance(driver_error, ConnectionError) and NO_TLS not in str(driver_error)
    )


def is_driver_failure(error: BaseException) -> bool:
    """Tell whether the driver itself could not go on, for another reason than how it was set."""
    driver_error = _driver_error(error)
    return isinstance(driver_error, (InterfaceError, InternalClientError)) and not (
        is_misconfigured(error) or isinstance(driver_error, TargetServerAttributeNotMatched)
    )


def is_locked(error: BaseException) -> bool:
    """Tell whether a row, or more, is locked by somebody else."""
    return sqlstate(error) == _LOCKED


def is_misconfigured(error: BaseException) -> bool:
    """Tell whether an operator has to mend it."""
    driver_error = _driver_error(error)
    return (
        sqlstate(error).startswith(_MISCONFIGURED)
        or isinstance(driver_error, ClientConfigurationError)
        or (isinstance(driver_error, SSLError) and not isinstance(driver_error, _TLS_ENDED))
        or (isinstance(driver_error, ConnectionError) and NO_TLS in str(driver_error))
    )


def _driver_error(error: BaseException) -> BaseException:
    """Return what the driver raised, from under SQLAlchemy's error."""
    return error.driver_exception if isinstance(error, DBAPIError) and error.orig else error
