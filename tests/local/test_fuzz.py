"""Mutated files are decoded or refused, within the decoder's limits."""

import json
import subprocess
import sys


def test_mutated_files_are_decoded_or_refused() -> None:
    # It forks, and what other tests have decoded leaves threads in this process.
    command = [sys.executable, "-m", "local.fuzz", "--files", "140", "--seed", "7"]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE).stdout)

    assert found["not_understood"] == []
    assert found["refused"] and found["decoded"]
