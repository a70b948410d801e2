"""Asks the translator, and leaves it out for a while if it does not answer."""

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from shared.domain.errors import ErrorCode
from shared.domain.prompt_translation import Translation, longest_translation
from shared.ports.providers import Translator
from shared.ports.store import Clock

log = structlog.get_logger()

UNANSWERED = (ErrorCode.SUBMISSION_UNKNOWN, ErrorCode.PROVIDER_UNAVAILABLE)
MOST_UNANSWERED = 3
LEFT_OUT_FOR = timedelta(minutes=1)


class TranslatorBreaker(Struct, kw_only=True):
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

    def ask(
        self,
        translator: Translator,
        prompt: str,
        limits: Collection[int],
        **asked_for: str,
    ) -> Translation:
        """One paid call, logged without the prompt.

        `limits`: the providers' longest prompts. `asked_for`: the job or the user.
        """
        most_units = longest_translation(prompt, limits)
        made = translator.translate(prompt, most_units=most_units)
        self._report(made)
        log.info(
            "prompt_translated",
            language=made.language,
            translated=made.text is not None,
            code=made.problem.code.value if made.problem else None,
            cost_usd=str(made.cost_usd),
            **asked_for,
        )
        return made

    def _report(self, made: Translation) -> None:
        """Once its time is up, one more call without an answer leaves it out again."""
        if made.problem is None or made.problem.code not in UNANSWERED:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= MOST_UNANSWERED:
            self._left_out_until = self.clock.now() + LEFT_OUT_FOR
            log.warning("translator_left_out", unanswered=self._in_a_row)
