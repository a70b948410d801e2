"""A paid video outlives outages, ours and its vendor's, while another try may help."""

from collections.abc import Callable
from datetime import timedelta
from errno import ENOSPC
from typing import NoReturn

import pytest

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import BadContent, ErrorCode, ReelayError, Unreachable
from shared.domain.outcomes import Succeeded
from shared.ports.providers import InlineFile, Result, TaskRef, WebFile
from tests.domain.examples import (
    MINUTE,
    NOON,
    RUNWAY,
    VEO,
    a_job,
    rejected,
    running,
    states,
    storing,
)
from tests.fakes.interpose import before, before_next
from tests.fakes.process import Died, die
from tests.usecases.harness import Harness

HOUR = timedelta(hours=1)
VIDEO = InlineFile(content=b"an mp4")
UNSERVED = Unreachable("503")


def serve(harness: Harness, what: Callable[[], Result | ReelayError]) -> None:
    """Runway's result, each time that it is fetched."""

    def fetch(task: TaskRef) -> Result:
        result = what()
        if isinstance(result, ReelayError):
            raise result
        return result

    harness.providers[RUNWAY].fetch = fetch  # type: ignore[method-assign] # scripted


def serve_after(harness: Harness, outage: timedelta) -> None:
    end = harness.clock.at + outage
    serve(harness, lambda: UNSERVED if harness.clock.at < end else VIDEO)


def storage_is_down(harness: Harness, outage: timedelta) -> None:
    end = harness.clock.at + outage

    def fail() -> None:
        if harness.clock.at < end:
            raise Unreachable("down")

    before(harness.bucket, "_fail", fail)


def workers_are_down(harness: Harness, outage: timedelta) -> None:
    """The sweep runs all the time; Cloud Tasks soon gives up on each of its tasks."""
    end = harness.clock.at + outage
    while harness.clock.at < end:
        harness.clock.move(MINUTE)
        harness.sweep()
        harness.queue.tasks.clear()


OUTAGES = pytest.mark.parametrize("begin", [storage_is_down, workers_are_down])


@OUTAGES
@pytest.mark.parametrize("outage", [30 * MINUTE, 5 * HOUR, 23 * HOUR])
def test_a_paid_video_survives_an_outage_of_ours(
    harness: Harness, begin: Callable[[Harness, timedelta], None], outage: timedelta
) -> None:
    """It is stored soon after, and downloads may fail as often as without an outage."""
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    first = iter([UNSERVED] * (timing.MIN_FETCH_TRIES - 1))
    serve(harness, lambda: next(first, VIDEO))

    begin(harness, outage)

    assert states(harness.run()) == [("runway", "succeeded")]
    assert harness.job.updated_at < NOON + outage + 25 * MINUTE
    assert harness.starts == 0


def test_a_task_that_ended_without_workers_is_stored(harness: Harness) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    harness.providers[RUNWAY].polls = [Succeeded()]

    workers_are_down(harness, 5 * HOUR)

    assert states(harness.run()) == [("runway", "succeeded")]


def test_a_death_after_an_outage_loses_no_video(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    workers_are_down(harness, 5 * HOUR)
    before_next(harness.videos, "inspect", die)
    with pytest.raises(Died):
        harness.step()

    assert states(harness.run()) == [("runway", "succeeded")]


def disk_is_full(*_: object, **__: object) -> NoReturn:
    raise OSError(ENOSPC, "No space left on device")


@pytest.mark.parametrize("during", ["the download", "the check"])
def test_a_full_disk_is_an_outage_of_ours(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, during: str
) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    provider = harness.providers[RUNWAY]
    provider.result = WebFile(url="https://cdn.example/v.mp4")
    harness.web.bodies[provider.result.url] = b"an mp4"
    with monkeypatch.context() as patch:
        if during == "the check":
            patch.setattr(harness.videos, "inspect", disk_is_full)
        else:
            patch.setattr(harness.web, "stream", disk_is_full)
        attempt = harness.step().attempts[0]

    assert (attempt.store_tries, attempt.lost_checks) == (1, 0)
    assert states(harness.run()) == [("runway", "succeeded")]


def test_a_page_that_is_served_instead_of_the_video_uses_up_no_try_for_bad_videos(
    harness: Harness,
) -> None:
    """As by a CDN in trouble: all the same with status 200."""
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    video = harness.providers[RUNWAY].result = WebFile(url="https://cdn.example/v.mp4")
    harness.web.bodies[video.url] = b"an mp4"
    harness.web.failures = [BadContent("the download is a web page")] * 8

    assert states(harness.run()) == [("runway", "succeeded")]
    assert harness.job.attempts[0].bad_outputs == 0


@pytest.mark.parametrize("chain", [(RUNWAY,), (RUNWAY, VEO)], ids=["alone", "failed"])
def test_a_video_that_is_served_late_is_delivered_if_no_other_provider_is_left(
    harness: Harness, chain: tuple[ProviderId, ...]
) -> None:
    harness.jobs.put(storing(a_job(chain=chain), RUNWAY))
    serve_after(harness, timing.FETCH_LIMIT + 10 * MINUTE)
    harness.providers[VEO].submissions = [rejected(ErrorCode.PROVIDER_ERROR)]

    job = harness.run()

    assert states(job)[0] == ("runway", "succeeded")
    assert job.cost_usd == job.attempts[0].cost_usd


def test_a_video_that_is_never_served_is_given_up(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY,)), RUNWAY))
    serve(harness, lambda: UNSERVED)

    job = harness.run()

    assert states(job) == [("runway", "failed")]
    assert job.problem and job.problem.code is ErrorCode.ALL_PROVIDERS_FAILED
    assert job.attempts[0].unserved_tries == timing.MAX_FETCH_TRIES
    assert HOUR < job.updated_at - NOON < 3 * HOUR
