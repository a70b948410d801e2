"""packages/ai-sdk with the AI SDK itself: its types, its build, and a running stack."""

from pathlib import Path

import pytest

from local.stack import ROOT, Stack
from tests.e2e.client import IMAGE, Frontend
from tests.e2e.node import installed, run_node

pytestmark = pytest.mark.timeout(600)
TSC = "node_modules/typescript/bin/tsc"


@pytest.fixture(scope="module")
def package() -> Path:
    """Built."""
    copy = installed(ROOT / "packages" / "ai-sdk")
    run_node(TSC, "--project", "tsconfig.build.json", folder=copy)
    return copy


def test_its_types_are_the_ai_sdks(package: Path) -> None:
    run_node(TSC, folder=package)


def test_it_makes_videos(package: Path, stack: Stack) -> None:
    environment = environment_of(stack)

    done = run_node("--test", "test/*.test.ts", folder=package, environment=environment)

    assert "# fail 0" in done.stdout and "# skipped 0" in done.stdout


def environment_of(stack: Stack) -> dict[str, str]:
    token = Frontend(stack, "ai-sdk").headers["Authorization"]
    return {
        "REELAY_BASE_URL": stack.addresses["api"],
        "REELAY_API_KEY": token.removeprefix("Bearer "),
        "REELAY_TEST_IMAGE": str(IMAGE),
    }
