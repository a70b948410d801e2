"""Leaves the translator out for a while if it does not answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from shared.domain.errors import ErrorCode
from shared.domain.prompt_translation import Translation
from shared.ports.store import Clock

log = structlog.get_logger()

UNANSWERED = (ErrorCode.SUBMISSION_UNKNOWN, ErrorCode.PROVIDER_UNAVAILABLE)
MOST_UNANSWERED = 3
LEFT_OUT_FOR = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class TranslatorBreaker:
    """A model that hangs must not hold up the starts of jobs. One per process.

    It needs no lock: a report that threads lose to each other costs one call more.
    """

    clock: Clock
    _in_a_row: int = 0
    _left_out_until: datetime | None = None

    def left_out_for(self) -> timedelta:
        """How long from now; 0: the model may be asked."""
        now = self.clock.now()
        return max((self._left_out_until or now) - now, timedelta(0))

    def report(self, made: Translation) -> None:
        """Once its time is up, one more call without an answer leaves it out again."""
        if made.problem is None or made.problem.code not in UNANSWERED:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= MOST_UNANSWERED:
            self._left_out_until = self.clock.now() + LEFT_OUT_FOR
            log.warning("translator_left_out", unanswered=self._in_a_row)
