"""Users wish: "My links must not die"."""

from datetime import timedelta

import pytest

from shared.domain.catalogue import Link
from shared.ports import WebFile
from shared.usecases.living_link import LINK_LIFETIME
from tests.domain.examples import a_job, storing
from tests.usecases.stage import Stage
from tests.wounds.asking import look

VENDORS = "https://cdn.example/v.mp4"


@pytest.fixture
def stage() -> Stage:
    """The vendor's address is dead right after the job has been completed."""
    stage = Stage()
    stage.jobs.put(storing(a_job(), Link.RUNWAY))
    stage.links[Link.RUNWAY].result = WebFile(url=VENDORS)
    stage.web.bodies[VENDORS] = b"an mp4"
    assert stage.step().delivered
    del stage.web.bodies[VENDORS]
    return stage


def test_dough_2_the_video_is_ours_when_the_vendors_link_dies(stage: Stage) -> None:
    job = look(stage)

    assert job.video_url and VENDORS not in job.video_url
    assert stage.bucket.objects["videos/ann/job1.mp4"] == b"an mp4"


def test_dough_2_listeners_get_the_fresh_link_too(stage: Stage) -> None:
    stage.clock.move(timedelta(days=2))

    fresh = look(stage)

    assert stage.jobs.projections["job1"]["video_url"] == fresh.video_url
    shown_until = stage.jobs.projections["job1"]["video_url_expires_at"]
    assert shown_until == stage.clock.now() + LINK_LIFETIME


@pytest.mark.parametrize("days", [0, 1, 2, 29])
def test_replicate_python_115_whoever_looks_gets_a_link_that_lives(
    stage: Stage, days: int
) -> None:
    stage.clock.move(timedelta(days=days))

    job = look(stage)

    assert job.video_url_expires_at
    assert job.video_url_expires_at - stage.clock.now() >= timedelta(hours=1)
