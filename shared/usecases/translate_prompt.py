"""Translate a prompt for review, before a video is paid for."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

import structlog

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
from shared.domain.prompt_translation import Translation, longest_translation
from shared.guards.kill_switch import KillSwitch
from shared.jobs.commit import CROWDED_BACKOFF, tries
from shared.ports.identity import Caller
from shared.ports.providers import Translator
from shared.ports.store import Clock, Ids, Quotas

log = structlog.get_logger()

# The model answered, and will hardly answer otherwise.
UNUSABLE = (ErrorCode.BAD_OUTPUT, ErrorCode.OUTPUT_FILTERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatePrompt:
    """The most that the call can cost is booked as spent before it is made.

    A process that dies in between has booked a fraction of a cent too much.
    """

    translator: Translator | None
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
        self._book(caller, self.translator, prompt)
        most_units = longest_translation(prompt, self.limits_of_prompts)
        made = self.translator.translate(prompt, most_units=most_units)
        log.info(
            "prompt_translated",
            user_id=caller.user_id,
            language=made.language,
            translated=made.text is not None,
            code=made.problem.code.value if made.problem else None,
            cost_usd=str(made.cost_usd),
        )
        if made.problem and made.problem.code not in UNUSABLE:
            raise Unavailable(made.problem.code.value)
        return made

    def _book(self, caller: Caller, translator: Translator, prompt: str) -> None:
        """An uncertain booking is repeated: at worst one call is booked twice."""
        price_usd, shard_by = translator.max_cost_usd(prompt), self.ids.new()
        for _ in tries(CROWDED_BACKOFF, self.pause):
            with suppress(LostRace, CommitUncertain):
                self.quotas.book_translation(
                    caller.user_id, price_usd, self.clock.now(), shard_by
                )
                return
        raise Unreachable("the translation is not known to be booked")
