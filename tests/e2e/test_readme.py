"""What the README shows for asking is pasted into a shell, and a video comes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import ROOT, Stack
from tests.e2e.client import Frontend
from tests.e2e.conftest import bare_environment


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_what_is_shown_asks_for_a_video(
    stack: Stack, tmp_path: Path, readme: str
) -> None:
    (snippet,) = re.findall(r"```sh\n(.*?)```", (ROOT / readme).read_text(), re.DOTALL)
    printed = tmp_path / "printed"
    printed.write_text(json.dumps(stack.announcement()) + "\n")
    snippet = snippet.replace("/tmp/reelay.log", str(printed))
    snippet = snippet.replace(".venv/bin/python", sys.executable)

    done = subprocess.run(
        ["sh", "-e"],
        input=snippet,
        env=bare_environment() | {"GOOGLE_CLOUD_PROJECT": stack.project},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    video = Frontend(stack, "me").wait(json.loads(done.stdout))
    assert video["status"] == "completed"
