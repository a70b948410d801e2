"""What a person did is on record: who, to what, and with which key; never what for."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import Link
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from shared.ports import Caller
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.wake import Waker
from tests.domain.examples import a_job, a_new_job, a_request, completed
from tests.usecases.stage import Stage, create_video

ANN = Caller(user_id="ann", key_id="0123456789ab")


def create(stage: Stage) -> None:
    create_video(stage)(ANN, a_request(), Language.ENGLISH)


def cancel(stage: Stage) -> None:
    stage.jobs.put(a_new_job())
    waker = Waker(queue=stage.queue)
    CancelVideo(jobs=stage.jobs, recorder=stage.recorder, waker=waker)(ANN, "job1")


def delete(stage: Stage) -> None:
    stage.jobs.put(completed(a_job(), Link.RUNWAY))
    pause = stage.clock.pause
    DeleteVideo(jobs=stage.jobs, bucket=stage.bucket, pause=pause)(ANN, "job1")


def switch(stage: Stage) -> None:
    stage.set_level(Level.PAUSED)


@pytest.mark.parametrize(
    ("act", "event", "who"),
    [
        (create, "video_created", {"user_id": "ann", "key_id": ANN.key_id}),
        (cancel, "video_cancelled", {"user_id": "ann", "key_id": ANN.key_id}),
        (delete, "video_deleted", {"user_id": "ann", "key_id": ANN.key_id}),
        (switch, "generation_set_by_hand", {"user_id": "ann"}),
    ],
    ids=["create", "cancel", "delete", "switch"],
)
def test_what_was_done_is_on_record(
    act: Callable[[Stage], None], event: str, who: dict[str, str]
) -> None:
    with capture_logs() as lines:
        act(Stage())

    (line,) = [line for line in lines if line.get("audit")]
    assert line["event"] == event
    assert line.items() >= who.items()
    assert "a cat" not in str(lines)
