"""Translate: a prompt that isn't English becomes English before it is sent.

The money is committed first, so that a worker that dies costs one translation at most.
"""

from msgspec import Struct

from shared.domain.catalogue import CATALOGUE
from shared.domain.errors import LimitReached
from shared.domain.job import Job, PlannedProvider
from shared.domain.outcomes import Translated, TranslationSkipped, TranslationStarted
from shared.guards.availability import Availability
from shared.guards.translator_breaker import TranslatorBreaker
from shared.jobs.commit import LONG_BACKOFF, JobCommitter
from shared.ports.providers import Translator
from shared.ports.store import Versioned
from shared.worker.submit import Starting


class Translating(Struct, frozen=True, kw_only=True):
    """`translator` is None where none is configured."""

    translator: Translator | None
    breaker: TranslatorBreaker
    availability: Availability
    committer: JobCommitter
    starting: Starting

    def translate(
        self, before: Versioned[Job], planned: PlannedProvider
    ) -> Versioned[Job] | None:
        """Intent, one call, its answer. Without a translation, the original is sent."""
        name = planned.provider_id
        missing = () if self.starting.providers.get(name) else (name,)
        if self.availability.bars([planned], missing=missing):
            # Nothing is spent for a provider that can't be asked: this says why.
            return self.starting.start(before, planned)
        if self.translator is None or self.breaker.left_out_for():
            return self.committer.commit(before, TranslationSkipped())
        prompt, mine = before.value.request.prompt, list[Job]()
        begun = TranslationStarted(max_cost_usd=self.translator.max_cost_usd(prompt))
        try:
            held = self.committer.commit(before, begun, then=mine.append)
        except LimitReached:
            return self.committer.commit(before, TranslationSkipped())
        if held is None or not mine:
            return held
        answer = self.breaker.ask(
            self.translator, prompt, _limits(held.value), job_id=held.value.job_id
        )
        outcome = Translated(text=answer.text, cost_usd=answer.cost_usd)
        return self.committer.commit(held, outcome, pauses=LONG_BACKOFF)


def _limits(job: Job) -> list[int]:
    models = [CATALOGUE.get(p.model_id) for p in job.chain if p.unsupported is None]
    return [model.longest_prompt for model in models if model]
