"""What a person did is on record: who, to what, and with which key; never what for."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from tests.domain.examples import a_job, a_new_job, a_request, completed
from tests.usecases.harness import ANN, Harness, create_video


def create(harness: Harness) -> None:
    create_video(harness)(ANN, a_request(), Language.ENGLISH)


def cancel(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.cancel_video(ANN, "job1")


def delete(harness: Harness) -> None:
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))
    harness.delete_video(ANN, "job1")


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
