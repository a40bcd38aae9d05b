"""Log formatters: lines for people, or JSON for programs."""

import json
import logging
import sys
import time
from typing import Literal

Form = Literal["console", "json"]

# What a server says of single connections.
CONNECTION_LOGGER = "uvicorn.connection"

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def omit_origins() -> None:
    """Let no event find out where in the code, or in which thread, it was made: no line tells of it.

    It holds for the whole process, so only a program may call it.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as its documentation advises


class ConsoleLine(logging.Formatter):
    """Formatter for people: time, level, logger, message; then the event's fields as `name=value`."""

    _latest = (0, "")  # a second, and its text

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, and its traceback after it."""
        fields = "".join([f" {name}={value}" for name, value in _fields(record).items()])
        line = f"{self._time(record)} {record.levelname} {record.name}: {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line

    def _time(self, record: logging.LogRecord) -> str:
        """Return when *record* was made; its second is written once for all that come in it."""
        second, written = self._latest
        if second != int(record.created):
            second = int(record.created)
            written = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._latest = second, written  # at once: other threads read it
        return f"{written},{int(record.msecs):03}"


class JsonLine(logging.Formatter):
    """Formatter for programs: one JSON object a line, with the event's fields among its members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, its traceback included."""
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{second}.{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
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


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what an event was given as `extra={"fields": …}`."""
    fields: dict[str, object] = getattr(record, "fields", {})
    return fields
