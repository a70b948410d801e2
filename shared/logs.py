"""How we log: one JSON object a line, as Cloud Logging reads it (severity, message).

An event's name is in the past tense; its fields never hold a prompt, a key or a
signed address.
"""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

_SEVERITIES = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
}

# An error that a library raised may quote what it was given.
_SECRETS = (
    (re.compile(r"(https?://[^\s\"'?\\]+)\?[^\s\"'\\]+"), r"\1?…"),
    (re.compile(r"(?i)\b(X-Goog-Signature=|Bearer )[\w.~+/=-]+"), r"\1…"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?"), "eyJ…"),
    (re.compile(r"\b(rk_|key_|AIza)[\w-]{16,}"), r"\1…"),
)


def _as_cloud_logging(_logger: object, method: str, event: EventDict) -> EventDict:
    event["severity"] = _SEVERITIES.get(method, "CRITICAL")
    event["message"] = event.pop("event")
    return event


def _without_secrets(_logger: object, _method: str, rendered: Any) -> str:
    line = str(rendered)
    for pattern, left in _SECRETS:
        line = pattern.sub(left, line)
    return line


_BOUND: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
)
_RENDERED: tuple[Processor, ...] = (
    structlog.processors.format_exc_info,
    _as_cloud_logging,
    structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
    _without_secrets,
)


def configure() -> None:
    """Log to standard output from here on; asked for by the wiring, once."""
    structlog.configure(
        processors=[*_BOUND, *_RENDERED],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    # functions-framework installs a root handler first where LOG_EXECUTION_ID is set,
    # and without `force` our redaction would be skipped in silence.
    logging.basicConfig(handlers=[_of_libraries()], level=logging.WARNING, force=True)


def _of_libraries() -> logging.Handler:
    """What libraries say through `logging`, as lines of the same kind."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_BOUND, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_RENDERED,
            ],
        )
    )
    return handler
