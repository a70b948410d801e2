"""The api's use cases, the real ones, on the fakes of a harness."""

import pytest

from shared import wiring
from shared.domain.catalogue import (
    DEFAULT_CHAIN,
    DEFAULT_MODELS,
    DEFAULT_TEXT_MODEL,
    TEXT_MODELS,
)
from shared.usecases.models import Estimate, ListModels
from shared.usecases.show_usage import ShowUsage
from shared.usecases.uploads import KeepUpload, StartUpload
from tests.domain.examples import CHAIN
from tests.fakes.usage import FakeUsage
from tests.usecases.harness import Harness, create_video


def wire(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `wiring` would build in a function, built on `harness`."""
    jobs, bucket, clock, ids = harness.jobs, harness.bucket, harness.clock, harness.ids
    limits, free = jobs.limits, harness.availability
    built: dict[str, object] = {
        "create_video": create_video(harness),
        "get_video": harness.get_video,
        "list_videos": harness.list_videos,
        "delete_video": harness.delete_video,
        "cancel_video": harness.cancel_video,
        "start_upload": StartUpload(
            quotas=jobs, bucket=bucket, clock=clock, ids=ids, pause=clock.pause
        ),
        "translate_prompt": harness.translate_prompt,
        "keep_upload": KeepUpload(bucket=bucket, ids=ids),
        "estimate": Estimate(
            chain=CHAIN,
            models=DEFAULT_MODELS,
            limits=limits,
            availability=free,
            price_watch=harness.price_watch,
            translation_model=TEXT_MODELS[DEFAULT_TEXT_MODEL],
            signs_webhooks=True,
        ),
        "list_models": ListModels(
            chain=DEFAULT_CHAIN,
            models=DEFAULT_MODELS,
            availability=free,
            task_times=harness.poll_planner.times,
        ),
        "show_usage": ShowUsage(
            store=FakeUsage(jobs=jobs), clock=clock, limits=limits, chain=CHAIN
        ),
        "kill_switch": harness.kill_switch,
    }
    for name, use_case in built.items():
        monkeypatch.setattr(wiring, name, lambda use_case=use_case: use_case)
