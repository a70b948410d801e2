"""packages/ai-sdk with the AI SDK itself: its types, its build, and a running stack."""

import pytest

from local.stack import Stack
from tests.e2e.client import IMAGE, Frontend
from tests.e2e.node import TSC, ai_sdk, run_node

pytestmark = pytest.mark.timeout(600)


def test_its_types_are_the_ai_sdks() -> None:
    run_node(TSC, folder=ai_sdk())


def test_it_makes_videos(stack: Stack) -> None:
    environment = environment_of(stack)

    done = run_node(
        "--test", "test/*.test.ts", folder=ai_sdk(), environment=environment
    )

    assert "# fail 0" in done.stdout and "# skipped 0" in done.stdout


def environment_of(stack: Stack) -> dict[str, str]:
    token = Frontend(stack, "ai-sdk").headers["Authorization"]
    return {
        "REELAY_BASE_URL": stack.addresses["api"],
        "REELAY_API_KEY": token.removeprefix("Bearer "),
        "REELAY_TEST_IMAGE": str(IMAGE),
    }
