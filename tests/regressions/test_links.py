"""Users wish: "My links must not die"."""

from datetime import timedelta

import pytest

from shared.domain.catalogue import ProviderId
from shared.jobs.video_url import URL_LIFETIME
from shared.ports.providers import WebFile
from tests.domain.examples import a_job, storing
from tests.regressions.asking import look
from tests.usecases.harness import Harness

VENDORS = "https://cdn.example/v.mp4"


@pytest.fixture
def harness() -> Harness:
    """The vendor's address is dead right after the job has been completed."""
    harness = Harness()
    harness.jobs.put(storing(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].result = WebFile(url=VENDORS)
    harness.web.bodies[VENDORS] = b"an mp4"
    assert harness.step().delivered
    del harness.web.bodies[VENDORS]
    return harness


def test_dough_2_the_video_is_ours_when_the_vendors_link_dies(harness: Harness) -> None:
    job = look(harness)

    assert job.video_url and VENDORS not in job.video_url
    assert harness.bucket.objects["videos/ann/job1.mp4"] == b"an mp4"


def test_dough_2_listeners_get_the_fresh_link_too(harness: Harness) -> None:
    harness.clock.move(timedelta(days=2))

    fresh = look(harness)

    assert harness.jobs.projections["job1"]["video_url"] == fresh.video_url
    shown_until = harness.jobs.projections["job1"]["video_url_expires_at"]
    assert shown_until == harness.clock.now() + URL_LIFETIME


@pytest.mark.parametrize("days", [0, 1, 2, 29])
def test_replicate_python_115_whoever_looks_gets_a_link_that_lives(
    harness: Harness, days: int
) -> None:
    harness.clock.move(timedelta(days=days))

    job = look(harness)

    assert job.video_url_expires_at
    assert job.video_url_expires_at - harness.clock.now() >= timedelta(hours=1)
