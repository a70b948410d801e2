"""Translation: the prompt is translated at most once, before any provider gets it."""

from datetime import datetime
from decimal import Decimal

from shared.domain import timing
from shared.domain.job import Job
from shared.domain.outcomes import Translated, TranslationStarted
from shared.domain.prompt_translation import PromptTranslation
from shared.domain.structs import replace


def started(job: Job, outcome: TranslationStarted, now: datetime) -> Job:
    """Committed before the model is called, with the most that it may cost.

    If the worker dies, that amount stays booked and the original is sent: the model is
    called at most once per job.
    """
    until = now + timing.TRANSLATION_LIMIT
    return replace(
        job,
        translation=PromptTranslation(cost_usd=outcome.max_cost_usd, until=until),
        hold_usd=job.hold_usd + outcome.max_cost_usd,
        is_parked=False,
        wake_at=until + timing.CLOCK_SKEW,
    )


def skipped(job: Job, now: datetime) -> Job:
    none = PromptTranslation(cost_usd=Decimal(0))
    return replace(job, translation=none, is_parked=False, wake_at=now)


def ended(job: Job, outcome: Translated, now: datetime) -> Job:
    """An answer that comes too late only changes the cost: the prompt was sent."""
    if job.translation is None or job.translation.until is None:
        return job
    text = None if job.has_tried_provider else outcome.text
    made = PromptTranslation(cost_usd=outcome.cost_usd, text=text)
    after = replace(job, translation=made)
    return after if job.open_attempt else replace(after, wake_at=now)
