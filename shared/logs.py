"""How we log: one JSON object a line, as Cloud Logging reads it (severity, message).

An event's name is in the past tense; its fields never hold a prompt, a key or a
signed address.
"""

import logging
import sys

import structlog

_SEVERITIES = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
}


def _as_cloud_logging(
    _logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    event["severity"] = _SEVERITIES.get(method, "CRITICAL")
    event["message"] = event.pop("event")
    return event


def configure() -> None:
    """Log to standard output from here on; asked for by the wiring, once."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            _as_cloud_logging,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
