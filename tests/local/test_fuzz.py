"""Mutated files are decoded or refused, within the decoder's limits."""

from local import fuzz


def test_mutated_files_are_decoded_or_refused() -> None:
    found = fuzz.run(files=140, seed=7, report=lambda _: None)

    assert found["not_understood"] == []
    assert found["refused"] and found["decoded"]
