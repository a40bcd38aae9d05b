"""How events become lines: for people, or as JSON for programs."""

import json
import logging
import time
from typing import Literal

Form = Literal["console", "json"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class ConsoleLine(logging.Formatter):
    """Time, level, logger, message; then the event's fields as `name=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's
        """Return the line of *record*; a traceback comes after it."""
        line = super().formatMessage(record)
        return line + "".join(f" {name}={value}" for name, value in _fields(record).items())


class JsonLine(logging.Formatter):
    """One JSON object a line; an event's fields are members like the others."""

    converter = time.gmtime  # type: ignore[assignment]  # as the standard library documents it

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, its traceback included."""
        line: dict[str, object] = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


def log_config(level: str, form: Form) -> dict[str, object]:
    """Return the logging of every process: one stream, one form; libraries only when something is wrong."""
    line = {"console": ConsoleLine, "json": JsonLine}[form]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": line}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {name: {"level": level} for name in ("app", "whisper", "uvicorn")},
    }


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what an event was given as `extra={"fields": …}`."""
    fields: dict[str, object] = getattr(record, "fields", {})
    return fields
