"""Structured logs: one JSON object per line, with Cloud Logging's severity and message.

Event names are in the past tense. Fields never hold a prompt, a key or a signed URL.
"""

import logging
import re
import sys
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

_SEVERITIES = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
}

# Library errors may quote their arguments. Each pattern has what is kept, and the
# secret after it, if there is one. It begins with fixed characters, which are searched
# for several times as fast as a word boundary or a choice of words. An address or a
# token is matched as a whole even without a secret: searching again within it, for each
# of its own beginnings, would take quadratic time.
_SECRETS = tuple(
    map(
        re.compile,
        (
            r"(https?://[^\s\"'?\\]+\??)([^\s\"'\\]+)?",
            r"(?i)(X-Goog-Signature=)([\w.~+/=-]+)",
            r"(?i)(Bearer )([\w.~+/=-]+)",
            r"(eyJ)(?<!\weyJ)[\w-]{8,}(\.[\w-]+(?:\.[\w-]*)?)?",
            r"(rk_|key_|AIza)([\w-]{16,})",
            r"(whsec_)([\w+/=]{16,})",
        ),
    )
)


def _as_cloud_logging(_logger: object, method: str, event: EventDict) -> EventDict:
    event["severity"] = _SEVERITIES.get(method, "CRITICAL")
    event["message"] = event.pop("event")
    return event


def _without_secrets(_logger: object, _method: str, rendered: Any) -> str:
    # A lone surrogate, as in a vendor's message, can't be encoded.
    line = str(rendered).encode(errors="replace").decode()
    for pattern in _SECRETS:
        line = pattern.sub(_without_secret, line)
    return line


def _without_secret(found: re.Match[str]) -> str:
    kept, secret = found.groups()
    return f"{kept}…" if secret else found[0]


_SHARED_PROCESSORS: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
)
_RENDERED: tuple[Processor, ...] = (
    structlog.processors.format_exc_info,
    _as_cloud_logging,
    structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
    _without_secrets,
)


class _Current:
    """Looks up `sys.stdout` or `sys.stderr` at each write, because commands and tests
    redirect them.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, text: str) -> int:
        return cast(int, getattr(sys, self._name).write(text))

    def flush(self) -> None:
        getattr(sys, self._name).flush()


STDOUT, STDERR = cast(TextIO, _Current("stdout")), cast(TextIO, _Current("stderr"))


def configure(to: TextIO = STDOUT) -> None:
    """Send all logs, also those of libraries, to `to`. The wiring calls this once."""
    structlog.configure(
        processors=[*_SHARED_PROCESSORS, *_RENDERED],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(to),
    )
    # If LOG_EXECUTION_ID is set, functions-framework has already installed a root
    # handler, and without `force` our redaction would silently be skipped.
    logging.basicConfig(handlers=[_of_libraries(to)], level=logging.WARNING, force=True)


def _of_libraries(to: TextIO) -> logging.Handler:
    """Renders what libraries log through `logging` in the same format."""
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED_PROCESSORS, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_RENDERED,
            ],
        )
    )
    return handler
