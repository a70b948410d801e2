"""Translate: turns a prompt that isn't English into English before it is sent.

The money is booked first, so that a worker that dies costs one translation at most.
"""

from functools import partial

from msgspec import Struct

from shared.domain.catalogue import CATALOGUE
from shared.domain.errors import LimitReached
from shared.domain.job import Job, PlannedProvider
from shared.domain.outcomes import Translated, TranslationSkipped, TranslationStarted
from shared.guards.availability import Availability
from shared.guards.translator_breaker import TranslatorBreaker
from shared.jobs.commit import LONG_BACKOFF, JobCommitter
from shared.ports.providers import Providers, Translator
from shared.ports.store import Versioned
from shared.worker.submit import SubmitStep


class TranslateStep(Struct, frozen=True, kw_only=True):
    """`translator` is None if none is configured."""

    providers: Providers
    translator: Translator | None
    breaker: TranslatorBreaker
    availability: Availability
    committer: JobCommitter
    submit_step: SubmitStep

    def translate(
        self, before: Versioned[Job], planned: PlannedProvider
    ) -> Versioned[Job] | None:
        """Intent, one call, answer. Without a translation, the original is sent."""
        name = planned.provider_id
        missing = () if self.providers.get(name) else (name,)
        if self.availability.reasons_to_skip([planned], missing=missing):
            # Don't pay for a provider that can't be used; this records why it can't.
            return self.submit_step.start(before, planned)
        if self.translator is None or self.breaker.skipped_for():
            return self.committer.commit(before, TranslationSkipped())
        max_cost_usd = self.translator.max_cost_usd(before.value.request.prompt)
        try:
            return self.committer.commit_around(
                before,
                TranslationStarted(max_cost_usd=max_cost_usd),
                partial(self._call, self.translator),
                backoff=LONG_BACKOFF,
            )
        except LimitReached:  # by the first commit: only that one holds money
            return self.committer.commit(before, TranslationSkipped())

    def _call(self, translator: Translator, job: Job) -> Translated:
        prompt, limits = job.request.prompt, _limits(job)
        answer = self.breaker.call(translator, prompt, limits, job_id=job.job_id)
        return Translated(text=answer.text, cost_usd=answer.cost_usd)


def _limits(job: Job) -> list[int]:
    models = [CATALOGUE.get(p.model_id) for p in job.chain if p.unsupported is None]
    return [model.max_prompt_units for model in models if model]
