"""The audit log: who did what, to which video, with which key, but not the content."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from tests.domain.examples import a_job, a_new_job, a_request, completed
from tests.usecases.harness import ANN, Harness


def create(harness: Harness) -> None:
    harness.create_video(ANN, a_request(), Language.ENGLISH)


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
def test_each_action_is_in_the_audit_log(
    act: Callable[[Harness], None], event: str, who: dict[str, str]
) -> None:
    with capture_logs() as lines:
        act(Harness())

    (line,) = [line for line in lines if line.get("audit")]
    assert line["event"] == event
    assert line.items() >= who.items()
    assert "a cat" not in str(lines)
