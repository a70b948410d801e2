"""Decoders under the shipped limits, except that a busy machine may take longer."""

import pytest

from shared.domain.structs import replace
from shared.media import decoder


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGE_LIMITS", "VIDEO_LIMITS"):
        patient = replace(getattr(decoder, name), wall_seconds=600.0)
        monkeypatch.setattr(decoder, name, patient)
