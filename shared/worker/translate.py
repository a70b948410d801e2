"""Translate: turns a prompt that isn't English into English before it is sent.

The money is booked first, so that a worker that dies costs one translation at most.
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
from shared.worker.submit import SubmitStep


class TranslateStep(Struct, frozen=True, kw_only=True):
    """`translator` is None if none is configured."""

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
        missing = () if self.submit_step.providers.get(name) else (name,)
        if self.availability.reasons_to_skip([planned], missing=missing):
            # Don't pay for a provider that can't be used; this records why it can't.
            return self.submit_step.start(before, planned)
        if self.translator is None or self.breaker.skipped_for():
            return self.committer.commit(before, TranslationSkipped())
        prompt, our_commit = before.value.request.prompt, list[Job]()
        started = TranslationStarted(max_cost_usd=self.translator.max_cost_usd(prompt))
        try:
            held = self.committer.commit(before, started, then=our_commit.append)
        except LimitReached:
            return self.committer.commit(before, TranslationSkipped())
        if held is None or not our_commit:
            return held
        answer = self.breaker.call(
            self.translator, prompt, _limits(held.value), job_id=held.value.job_id
        )
        outcome = Translated(text=answer.text, cost_usd=answer.cost_usd)
        return self.committer.commit(held, outcome, pauses=LONG_BACKOFF)


def _limits(job: Job) -> list[int]:
    models = [CATALOGUE.get(p.model_id) for p in job.chain if p.unsupported is None]
    return [model.max_prompt_units for model in models if model]
