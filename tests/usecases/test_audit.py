"""What a person did is on record: who, to what, and with which key; never what for."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.delete_video import DeleteVideo
from tests.domain.examples import a_job, a_new_job, a_request, completed
from tests.usecases.harness import (
    Harness,
    create_video,
)

ANN = Caller(user_id="ann", key_id="0123456789ab")


def create(harness: Harness) -> None:
    create_video(harness)(ANN, a_request(), Language.ENGLISH)


def cancel(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    scheduler = TaskScheduler(queue=harness.queue)
    CancelVideo(jobs=harness.jobs, committer=harness.committer, scheduler=scheduler)(
        ANN, "job1"
    )


def delete(harness: Harness) -> None:
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))
    pause = harness.clock.pause
    DeleteVideo(
        jobs=harness.jobs, queries=harness.jobs, bucket=harness.bucket, pause=pause
    )(ANN, "job1")


def switch(harness: Harness) -> None:
    harness.set_level(Level.PAUSED)


@pytest.mark.parametrize(
    ("act", "event", "who"),
    [
        (create, "video_created", {"user_id": "ann", "key_id": ANN.key_id}),
        (cancel, "video_cancelled", {"user_id": "ann", "key_id": ANN.key_id}),
        (delete, "video_deleted", {"user_id": "ann", "key_id": ANN.key_id}),
        (switch, "generation_set_manually", {"user_id": "ann"}),
    ],
    ids=["create", "cancel", "delete", "switch"],
)
def test_what_was_done_is_on_record(
    act: Callable[[Harness], None], event: str, who: dict[str, str]
) -> None:
    with capture_logs() as lines:
        act(Harness())

    (line,) = [line for line in lines if line.get("audit")]
    assert line["event"] == event
    assert line.items() >= who.items()
    assert "a cat" not in str(lines)
