"""Translates a prompt for review, before a video is paid for."""

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import structlog
from msgspec import Struct

from shared.domain.errors import (
    CommitUncertain,
    ErrorCode,
    LostRace,
    NotOffered,
    Unavailable,
    Unreachable,
)
from shared.domain.prompt_translation import Translation
from shared.guards.kill_switch import KillSwitch
from shared.guards.translator_breaker import TranslatorBreaker
from shared.jobs.commit import CONTENTION_BACKOFF, tries
from shared.ports.identity import Caller
from shared.ports.providers import Translator
from shared.ports.store import Clock, Ids, Quotas

log = structlog.get_logger()

# The model did answer, and a retry would hardly change its answer.
UNUSABLE = (ErrorCode.BAD_OUTPUT, ErrorCode.OUTPUT_FILTERED)


class TranslatePrompt(Struct, frozen=True, kw_only=True):
    """The most that the call can cost is booked as spent before the call.

    The rest is released once the actual cost is known. If the process dies in between,
    or the release fails, a fraction of a cent stays booked.
    """

    translator: Translator | None
    breaker: TranslatorBreaker
    kill_switch: KillSwitch
    quotas: Quotas
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]
    prompt_limits: Collection[int]

    def __call__(self, caller: Caller, prompt: str) -> Translation:
        """The translation that a job of the whole chain would use.

        NotOffered without a translator; GenerationPaused, LimitReached,
        TooManyRequests; Unavailable if the model gave no answer.
        """
        if self.translator is None:
            raise NotOffered
        # Imports the model's SDK once. That may take as long as the time limit of the
        # request, which begins with the first read.
        max_usd = self.translator.max_cost_usd(prompt)
        self.kill_switch.require_running(self.clock.now())
        if skipped_for := self.breaker.skipped_for():
            raise Unavailable("the model does not answer", retry_after=skipped_for)
        booking_id = self.ids.new()
        booked_at = self._book(caller, max_usd, booking_id)
        translation = self.breaker.call(
            self.translator, prompt, self.prompt_limits, user_id=caller.user_id
        )
        if unspent_usd := max_usd - translation.cost_usd:
            self._release(caller, unspent_usd, booked_at, booking_id)
        problem = translation.problem
        if problem and problem.code not in UNUSABLE:
            raise Unavailable(problem.code.value)
        return translation

    def _book(self, caller: Caller, usd: Decimal, booking_id: str) -> datetime:
        """When it was booked. An uncertain commit is repeated: it may count double."""
        for _ in tries(CONTENTION_BACKOFF, self.pause):
            now = self.clock.now()
            with suppress(LostRace, CommitUncertain):
                self.quotas.book_translation(caller.user_id, usd, now, booking_id)
                return now
        raise Unreachable("it is uncertain whether the translation is booked")

    def _release(
        self, caller: Caller, usd: Decimal, booked_at: datetime, booking_id: str
    ) -> None:
        try:
            self.quotas.release_translation(caller.user_id, usd, booked_at, booking_id)
        except (LostRace, CommitUncertain, Unreachable) as error:
            log.warning(
                "translation_not_released",
                user_id=caller.user_id,
                unspent_usd=str(usd),
                why=str(error),
            )
