"""Mutated files are decoded or refused, within the decoder's limits."""

import os
import signal
import time

from local import fuzz


def test_mutated_files_are_decoded_or_refused() -> None:
    found = fuzz.run(files=140, seed=7, report=lambda _: None)

    assert found["not_understood"] == []
    assert found["refused"] and found["decoded"]


def test_the_fuzzer_notices_a_process_that_dies_or_hangs() -> None:
    stopped = fuzz.ending(lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert stopped == "signal_SIGTERM"
    assert fuzz.ending(lambda: [].pop()) == "traceback"
    assert fuzz.ending(_spin, cpu_seconds=1) == "cpu_limit"
    assert fuzz.ending(signal.pause, wall_seconds=0.1) == "outlived"


def _spin() -> None:
    while True:
        time.process_time()
