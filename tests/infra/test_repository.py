"""Files that other programs read are valid, pinned and consistent."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from local.money import PAID_POSTS_LIMIT
from tests.infra.test_code_and_terraform import names_read

ROOT = Path(__file__).parent.parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "check.yml"
SCHEMAS = {
    "vendor.cloudbuild": ("cloudbuild.yaml",),
    "vendor.renovate": ("renovate.json",),
    "vendor.github-workflows": (
        ".github/workflows/check.yml",
        ".github/workflows/deploy.yml",
    ),
    "vendor.github-issue-forms": (
        ".github/ISSUE_TEMPLATE/bug.yml",
        ".github/ISSUE_TEMPLATE/idea.yml",
    ),
    "vendor.github-issue-config": (".github/ISSUE_TEMPLATE/config.yml",),
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_are_valid_by_their_published_schemas(schema: str) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    ran = subprocess.run(
        [*check, *SCHEMAS[schema]], cwd=ROOT, capture_output=True, text=True
    )

    assert ran.returncode == 0, ran.stdout


def workflow() -> dict[str, Any]:
    return dict(YAML(typ="safe").load(WORKFLOW.read_text()))


def test_a_pull_request_is_checked_without_write_permission() -> None:
    assert workflow()["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in WORKFLOW.read_text()
    assert "secrets." not in WORKFLOW.read_text()


def test_every_action_is_pinned_to_a_commit() -> None:
    workflows = WORKFLOW.parent.glob("*.yml")
    used = [u for w in workflows for u in re.findall(r"uses: (\S+)", w.read_text())]

    assert used
    assert not [action for action in used if not re.search(r"@[0-9a-f]{40}$", action)]


def test_the_oldest_and_the_newest_python_are_checked() -> None:
    job = workflow()["jobs"]["check"]

    assert job["steps"][-1]["run"] == "make check"
    versions = [
        (each["python"], each.get("pip"))
        for each in job["strategy"]["matrix"]["include"]
    ]
    assert versions == [("3.11", "23.0.1"), ("3.13", None)]


def test_the_python_of_the_cloud_is_checked() -> None:
    """Its packages differ, too: PyAV has another FFmpeg from Python 3.12 on."""
    functions = (ROOT / "infra" / "functions.tf").read_text()
    ((major, minor),) = re.findall(r'runtime\s+= "python(\d)(\d+)"', functions)
    version = f"{major}.{minor}"

    assert f"FROM python:{version}." in (ROOT / "ci" / "Dockerfile").read_text()
    matrix = workflow()["jobs"]["check"]["strategy"]["matrix"]["include"]
    assert version in [each["python"] for each in matrix]


def test_every_file_names_the_same_version_of_terraform() -> None:
    version = (ROOT / "infra" / ".terraform-version").read_text().strip()
    dockerfile = (ROOT / "ci" / "Dockerfile").read_text()

    for workflow_file in WORKFLOW.parent.glob("*.yml"):
        assert f'terraform_version: "{version}"' in workflow_file.read_text()
    assert f"TERRAFORM_VERSION={version}\n" in dockerfile
    deploy = (ROOT / "infra" / "ci.tf").read_text()
    assert re.findall(r'"hashicorp/terraform:(\S+)"', deploy) == [version]


def test_the_example_environment_sets_nothing_and_names_real_settings() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = dict(re.findall(r"^#([A-Z_]+)=(.*)$", "\n".join(lines), re.MULTILINE))

    assert not [line for line in lines if line and not line.startswith("#")]
    assert named.keys() <= names_read() | {PAID_POSTS_LIMIT}
    assert not [name for name in named if name.endswith("_KEY") and named[name]]
