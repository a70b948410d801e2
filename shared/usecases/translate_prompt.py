"""Translate a prompt for review, before a video is paid for."""

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import structlog
from msgspec import Struct

from shared.domain.errors import (
    CommitUncertain,
    ErrorCode,
    GenerationPaused,
    LostRace,
    NotOffered,
    Unavailable,
    Unreachable,
)
from shared.domain.kill_switch import Level
from shared.domain.prompt_translation import Translation
from shared.guards.kill_switch import KillSwitch
from shared.guards.translator_breaker import TranslatorBreaker
from shared.jobs.commit import CROWDED_BACKOFF, tries
from shared.ports.identity import Caller
from shared.ports.providers import Translator
from shared.ports.store import Clock, Ids, Quotas

log = structlog.get_logger()

# The model answered, and will hardly answer otherwise.
UNUSABLE = (ErrorCode.BAD_OUTPUT, ErrorCode.OUTPUT_FILTERED)


class TranslatePrompt(Struct, frozen=True, kw_only=True):
    """The most that the call can cost is booked as spent before it is made.

    What it did not cost is released after its answer. A process that dies in between,
    or a release that is lost, costs a fraction of a cent.
    """

    translator: Translator | None
    breaker: TranslatorBreaker
    kill_switch: KillSwitch
    quotas: Quotas
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]
    limits_of_prompts: Collection[int]

    def __call__(self, caller: Caller, prompt: str) -> Translation:
        """As a job of the whole chain would have it translated.

        NotOffered without a translator; GenerationPaused, LimitReached,
        TooManyRequests; Unavailable if the model gave no answer.
        """
        if self.translator is None:
            raise NotOffered
        if self.kill_switch.level(self.clock.now()) is Level.PAUSED:
            raise GenerationPaused
        if left_out_for := self.breaker.left_out_for():
            raise Unavailable("the model does not answer", retry_after=left_out_for)
        most_usd, booking_id = self.translator.max_cost_usd(prompt), self.ids.new()
        booked_at = self._book(caller, most_usd, booking_id)
        made = self.breaker.ask(
            self.translator, prompt, self.limits_of_prompts, user_id=caller.user_id
        )
        if unspent_usd := most_usd - made.cost_usd:
            self._release(caller, unspent_usd, booked_at, booking_id)
        if made.problem and made.problem.code not in UNUSABLE:
            raise Unavailable(made.problem.code.value)
        return made

    def _book(self, caller: Caller, usd: Decimal, booking_id: str) -> datetime:
        """When it was booked. If that is uncertain, again: it may count double."""
        for _ in tries(CROWDED_BACKOFF, self.pause):
            now = self.clock.now()
            with suppress(LostRace, CommitUncertain):
                self.quotas.book_translation(caller.user_id, usd, now, booking_id)
                return now
        raise Unreachable("the translation is not known to be booked")

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
