"""Runs one job through the made-up provider and prints the result as JSON."""

import json
import sys
from typing import Any, cast

from shared.domain import messages
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import Language
from shared.providers.registry import Access, ConfiguredProviders
from shared.settings import Settings
from tests.domain.examples import NOON, a_new_job
from tests.usecases.harness import Harness

MADE_UP = ProviderId("made-up")
ENVIRON = {"GOOGLE_CLOUD_PROJECT": "p", "BUCKET": "b", "MADE_UP_API_KEY": "key"}


def run_job() -> dict[str, object]:
    settings = Settings.from_env(ENVIRON)
    access = Access(
        project=settings.project,
        veo_location=settings.veo_location,
        credentials=lambda: None,
        has_local_bucket=True,
        api_key=settings.api_keys[MADE_UP],
    )
    configured = ConfiguredProviders(dict.fromkeys(ProviderId, access))
    chain = tuple(ProviderId)
    harness = Harness(
        chain=chain, providers={MADE_UP: cast(Any, configured.get(MADE_UP))}
    )
    harness.jobs.put(a_new_job(model="made-up", chain=chain, at=NOON))
    job = harness.run()
    return {
        "delivered": job.delivered is not None,
        "attempts": [(a.provider_id, a.task_id) for a in job.attempts],
        "cost_usd": str(job.cost_usd),
        "chain": settings.chain[-1],
        "says": messages.describe(ErrorCode.ACCESS_DENIED, Language.KOREAN, MADE_UP),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run_job()))
