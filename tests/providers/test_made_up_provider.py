"""Adding a provider in the four files that CONTRIBUTING.md names, and using it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MADE_UP = Path(__file__).parent / "made_up"

# By file: pairs of an existing line and the lines to insert before it.
ADDED = {
    "shared/domain/catalogue.py": (
        ("\n\nclass Vendor(", '    MADE_UP = "made-up"\n'),
        ("\n\nclass Resolution(", '    MADE_UP = "made-up"\n'),
        (
            "}\n\nDEFAULT_CHAIN",
            """\
    ProviderId.MADE_UP: ProviderFacts(
        vendor=Vendor.MADE_UP,
        choice="made-up",
        models=(
            VideoModel(
                model_id="made-up-1",
                durations_seconds=(4, 8),
                aspect_ratios=_BOTH_RATIOS,
                audio=Audio.NEVER,
                max_prompt_units=500,
                usd_per_second={Resolution.P720: Decimal("0.01")},
                price_source="made up",
                price_checked_on=_CHECKED,
                typical_seconds=10,
            ),
        ),
        model_variable="MADE_UP_MODEL",
        api_key_variable="MADE_UP_API_KEY",
    ),
""",
        ),
    ),
    "shared/providers/registry.py": (
        (
            "\n\nREGISTRY: ",
            """

def _made_up(access: Access) -> Provider:
    from shared.providers.made_up import MadeUp

    return MadeUp(api_key=access.api_key or "")
""",
        ),
        (
            "}\n\n\nclass ConfiguredProviders",
            """\
    ProviderId.MADE_UP: Registration(is_configured=_has_key, build=_made_up),
""",
        ),
    ),
    "shared/domain/messages.py": (
        ("}\n_NO_NAME", '    ProviderId.MADE_UP: _Name(written="Made Up"),\n'),
    ),
}
ADAPTER = "shared/providers/made_up.py"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code with the provider added."""
    for folder in ("shared", "tests/domain", "tests/fakes", "tests/usecases"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name, additions in ADDED.items():
        text = (tmp_path / name).read_text()
        for before, lines in additions:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, lines + before)
        (tmp_path / name).write_text(text)
    shutil.copy(MADE_UP / "adapter.py", tmp_path / ADAPTER)
    return tmp_path


def test_a_provider_added_in_four_files_runs_a_job(tree: Path) -> None:
    done = subprocess.run(
        [sys.executable, MADE_UP / "run_job.py"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tree)},
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "delivered": True,
        "attempts": [["made-up", "made-up-1-1"]],
        "cost_usd": "0.08",
        "chain": "made-up",
        "says": "Made Up 사용 권한이 없습니다. API 키, 유료 요금제, 서비스 계정의 "
        "역할을 확인해 주세요.",
    }


def test_contributing_names_the_files_to_change() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    steps = text.partition("## Add a provider")[2].partition("\n\n`tests/")[0]

    named = {line.split("`")[1] for line in steps.splitlines() if "`" in line}
    assert named >= {*ADDED, "shared/providers/NAME.py"}
