"""`make release`: a version in the changelog, kept records, a commit and a tag."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from ops.release import ROOT, NotReleased, _git, release, released

TODAY = date(2026, 11, 29)
CHANGES = "# Changelog\n\n## Unreleased\n\n### Added\n- A thing.\n"


def test_the_unreleased_section_gets_a_version_and_a_date() -> None:
    first = released(CHANGES, "1.0.0", TODAY)
    more = first.replace("## Unreleased\n", "## Unreleased\n\n### Fixed\n- Another.\n")

    assert first == CHANGES.replace(
        "## Unreleased\n", "## Unreleased\n\n## 1.0.0 (2026-11-29)\n"
    )
    assert "## 1.0.1 (2026-11-29)\n\n### Fixed\n- Another.\n\n## 1.0.0 (" in released(
        more, "1.0.1", TODAY
    )


@pytest.mark.parametrize(
    ("changelog", "version", "sentence"),
    [
        (CHANGES, "1.0", "write it as 1.2.3"),
        (CHANGES, "v1.0.0", "write it as 1.2.3"),
        (CHANGES + "\n## 1.10.0 (2026-11-28)\n", "1.9.9", "not newer than 1.10.0"),
        (CHANGES + "\n## 1.10.0 (2026-11-28)\n", "1.10.0", "not newer than 1.10.0"),
        ("## Unreleased\n\n## 1.0.0 (2026-11-28)\n\n- A thing.\n", "1.0.1", "nothing"),
    ],
)
def test_an_invalid_release_is_refused(
    changelog: str, version: str, sentence: str
) -> None:
    with pytest.raises(NotReleased, match=sentence):
        released(changelog, version, TODAY)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the code that a release needs."""
    for name in ("shared", "tests"):
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=hidden)
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    _git(tmp_path, "init", "--quiet", "--initial-branch=main")
    _git(tmp_path, "config", "user.email", "me@example.com")
    _git(tmp_path, "config", "user.name", "Me")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_a_release_is_committed_and_tagged_with_its_records(checkout: Path) -> None:
    release(checkout, "9.0.0", TODAY)

    assert _git(checkout, "describe") == "v9.0.0"
    changed = _git(checkout, "show", "--name-only", "--format=", "v9.0.0^{commit}")
    assert changed.split() == ["CHANGELOG.md", "tests/gcp/records/9.0.0.jsonl"]
    assert '"record_version": 1' in _git(
        checkout, "show", "v9.0.0:tests/gcp/records/9.0.0.jsonl"
    )


def test_only_a_clean_main_is_released(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text(CHANGES + "- More.\n")
    with pytest.raises(NotReleased, match="uncommitted"):
        release(checkout, "9.0.0", TODAY)

    _git(checkout, "checkout", "--quiet", "-b", "other", "--force")
    with pytest.raises(NotReleased, match="from main"):
        release(checkout, "9.0.0", TODAY)
    assert _git(checkout, "tag") == ""
