"""Translate: a prompt that isn't English becomes English before it is sent.

The money is committed first, so that a worker that dies costs one translation at most.
"""

from dataclasses import dataclass

import structlog

from shared.domain.catalogue import CATALOGUE
from shared.domain.errors import LimitReached
from shared.domain.job import Job, PlannedProvider
from shared.domain.outcomes import Translated, TranslationSkipped, TranslationStarted
from shared.domain.prompt_translation import longest_translation
from shared.guards.availability import Availability
from shared.guards.translator_breaker import TranslatorBreaker
from shared.jobs.commit import LONG_BACKOFF, JobCommitter
from shared.ports.providers import Translator
from shared.ports.store import Versioned
from shared.worker.submit import Starting

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Translating:
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
        outcome = self._ask(self.translator, held.value)
        return self.committer.commit(held, outcome, pauses=LONG_BACKOFF)

    def _ask(self, translator: Translator, job: Job) -> Translated:
        prompt = job.request.prompt
        most_units = longest_translation(prompt, _limits(job))
        answer = translator.translate(prompt, most_units=most_units)
        self.breaker.report(answer)
        log.info(
            "prompt_translated",
            job_id=job.job_id,
            language=answer.language,
            translated=answer.text is not None,
            code=answer.problem.code.value if answer.problem else None,
            cost_usd=str(answer.cost_usd),
        )
        return Translated(text=answer.text, cost_usd=answer.cost_usd)


def _limits(job: Job) -> list[int]:
    models = [CATALOGUE.get(p.model_id) for p in job.chain if p.unsupported is None]
    return [model.longest_prompt for model in models if model]
