"""The stage on which each wound is opened again."""

import pytest

from tests.usecases.harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()
