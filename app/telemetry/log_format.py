"""Log formatters: lines for people, or JSON for programs."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

Form = Literal["console", "json"]

# What a server says of single connections.
CONNECTION_LOGGER = "uvicorn.connection"

FIELDS = "fields"  # the name of what an event was given as `extra={"fields": …}`
_NONE: Mapping[str, object] = {}

_FORMS_KEPT = 32

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def omit_origins() -> None:
    """Let no event find out where in the code, or in which thread, it was made: no line tells of it.

    It holds for the whole process, so only a program may call it.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as its documentation advises


def record_template(logger: str, level: int, message: str) -> Mapping[str, object]:
    """Return the attributes of a record, with room for its fields: a copy of it is not laid out anew."""
    return {**vars(logging.LogRecord(logger, level, "", 0, message, (), None)), FIELDS: _NONE}


class FieldsRecord(logging.LogRecord):
    """Log record with fields, at the cost of a copy of a *template*: the attributes of a record like it.

    Its class would find out again for each what is the same for all, as the file's name from an empty path.
    """

    def __init__(self, template: Mapping[str, object], fields: Mapping[str, object]) -> None:
        now = time.time()
        self.__dict__ = {**template, "created": now, "msecs": int(now % 1 * 1000), FIELDS: fields}


class ConsoleLine(logging.Formatter):
    """Formatter for people: time, level, logger, message; then the event's fields as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, and its traceback after it."""
        second, fields = _write_local(int(record.created)), getattr(record, FIELDS, _NONE)
        said = (second, record.msecs, record.levelname, record.name, record.getMessage())
        line = _template(*fields) % (*said, *fields.values())
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLine(logging.Formatter):
    """Formatter for programs: one JSON object a line, with the event's fields among its members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, its traceback included."""
        line: dict[str, object] = {
            "time": f"{_write_utc(int(record.created))}.{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, _NONE),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


class Stderr(logging.Handler):
    """Handler that writes each line to standard error in one system call, and so without a lock."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Write *record*."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001 - whatever it is, logging's own word on it is better than an end
            self.handleError(record)
        return True


def log_config(level: str, form: Form) -> dict[str, object]:
    """Return the logging of every process: one stream, one form; libraries only when something is wrong."""
    line = {"console": ConsoleLine, "json": JsonLine}[form]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": line}},
        "handlers": {"stderr": {"()": Stderr, "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            **{name: {"level": level} for name in ("app", "whisper", "uvicorn")},
            # uvicorn warns of each request that is not HTTP: anybody could fill a disk with it.
            CONNECTION_LOGGER: {"level": "ERROR"},
        },
    }


@lru_cache(_FORMS_KEPT)
def _template(*names: str) -> str:
    """Return how an event with fields of these *names* is written; there are a few sets of them."""
    return "%s,%03d %s %s: %s" + "".join([f" {name}=%s" for name in names])


@lru_cache(1)
def _write_local(second: int) -> str:
    """Return the time of a *second*, once for all lines of it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


@lru_cache(1)
def _write_utc(second: int) -> str:
    """Return the time of a *second*, as above."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
