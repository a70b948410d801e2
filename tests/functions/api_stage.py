"""The api's use cases, the real ones, on the fakes of a stage."""

from decimal import Decimal

import pytest

from shared import wiring
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS
from shared.usecases.availability import Availability
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.estimate import Estimate
from shared.usecases.get_video import GetVideo
from shared.usecases.keep_upload import KeepUpload
from shared.usecases.list_models import ListModels
from shared.usecases.list_videos import ListVideos
from shared.usecases.show_usage import ShowUsage
from shared.usecases.start_upload import StartUpload
from shared.usecases.wake import Waker
from tests.fakes.links import FakeLinkReports
from tests.fakes.usage import FakeUsage
from tests.usecases.stage import Stage, create_video


def wire(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `wiring` would build in a function, built on `stage`."""
    jobs, bucket, clock, ids = stage.jobs, stage.bucket, stage.clock, stage.ids
    waker, limits = Waker(queue=stage.queue), jobs.limits
    free = availability(stage)
    built: dict[str, object] = {
        "create_video": create_video(stage),
        "get_video": GetVideo(jobs=jobs, bucket=bucket, clock=clock, ids=ids),
        "list_videos": ListVideos(jobs=jobs, bucket=bucket, clock=clock, ids=ids),
        "delete_video": DeleteVideo(jobs=jobs, bucket=bucket, pause=clock.pause),
        "cancel_video": CancelVideo(jobs=jobs, recorder=stage.recorder, waker=waker),
        "start_upload": StartUpload(
            jobs=jobs, bucket=bucket, clock=clock, ids=ids, pause=clock.pause
        ),
        "keep_upload": KeepUpload(bucket=bucket, ids=ids),
        "estimate": Estimate(
            chain=DEFAULT_CHAIN, models=DEFAULT_MODELS, availability=free
        ),
        "list_models": ListModels(
            chain=DEFAULT_CHAIN, models=DEFAULT_MODELS, availability=free
        ),
        "show_usage": ShowUsage(
            books=FakeUsage(jobs=jobs), clock=clock, limits=limits, chain=DEFAULT_CHAIN
        ),
        "kill_switch": stage.kill_switch,
    }
    for name, use_case in built.items():
        monkeypatch.setattr(wiring, name, lambda use_case=use_case: use_case)


def availability(stage: Stage) -> Availability:
    return Availability(
        kill_switch=stage.kill_switch,
        circuits=stage.circuits,
        reports=FakeLinkReports(),
        clock=stage.clock,
        tight_max_usd_per_second=Decimal("0.15"),
    )
