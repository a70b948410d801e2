"""Circuit breaker of the translator: skips it for a while if it does not answer."""

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from shared.domain.errors import ErrorCode
from shared.domain.prompt_translation import Translation, max_translation_units
from shared.ports.providers import Translator
from shared.ports.store import Clock

log = structlog.get_logger()

UNANSWERED = (ErrorCode.SUBMISSION_UNKNOWN, ErrorCode.PROVIDER_UNAVAILABLE)
MAX_UNANSWERED = 3
SKIP_PERIOD = timedelta(minutes=1)


class TranslatorBreaker(Struct, kw_only=True):
    """Keeps a hanging model from delaying the starts of jobs. One per process.

    It needs no lock: a report that is lost to another thread costs one more call.
    """

    clock: Clock
    _in_a_row: int = 0
    _skipped_until: datetime | None = None

    def skipped_for(self) -> timedelta:
        """For how much longer the model is skipped; 0: it may be called."""
        now = self.clock.now()
        return max((self._skipped_until or now) - now, timedelta(0))

    def call(
        self,
        translator: Translator,
        prompt: str,
        limits: Collection[int],
        **log_context: str,
    ) -> Translation:
        """One paid call, logged without the prompt.

        `limits`: the longest prompts that the providers accept, in UTF-16 units.
        `log_context`: the job or the user, for the log.
        """
        max_units = max_translation_units(prompt, limits)
        translation = translator.translate(prompt, max_units=max_units)
        self._report(translation)
        log.info(
            "prompt_translated",
            language=translation.language,
            translated=translation.text is not None,
            code=translation.problem.code.value if translation.problem else None,
            cost_usd=str(translation.cost_usd),
            **log_context,
        )
        return translation

    def _report(self, translation: Translation) -> None:
        """Once the time is up, a single unanswered call skips the model again."""
        if translation.problem is None or translation.problem.code not in UNANSWERED:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= MAX_UNANSWERED:
            self._skipped_until = self.clock.now() + SKIP_PERIOD
            log.warning("translator_skipped", unanswered=self._in_a_row)
