"""The machine from which deploys are tested."""

from pathlib import Path

import pytest

from tests.ops.deploying import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
