"""The stage on which each wound is opened again."""

import pytest

from tests.usecases.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
