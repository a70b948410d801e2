"""A job whose commit always loses the race: the answer comes soon, and is true."""

from datetime import timedelta

import pytest

from shared.domain.errors import Crowded, Unreachable
from tests.domain.examples import NOON
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness
from tests.usecases.test_create_video import create


def test_where_others_are_always_faster_nothing_is_created() -> None:
    harness = Harness()
    harness.jobs.troubles = [Trouble.LOST_RACE] * 99

    with pytest.raises(Crowded):
        create(harness)

    assert harness.clock.now() - NOON < timedelta(seconds=3)
    assert harness.jobs.all == []


def test_what_may_have_been_created_is_not_said_to_be_none() -> None:
    harness = Harness()
    harness.jobs.troubles = [Trouble.NOT_APPLIED, *[Trouble.LOST_RACE] * 99]

    with pytest.raises(Unreachable):
        create(harness)
