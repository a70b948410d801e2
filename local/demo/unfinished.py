"""Folders of unfinished demos with real keys, so that their jobs can be resumed.

Each such stack has its own folder under `.local/demos`, with the objects and what
Firestore held when it was last saved. A file `job-JOB_ID` marks it.
"""

import shutil
import uuid
from pathlib import Path

from local.demo.options import ROOT, DemoError

DEMOS = ROOT / ".local" / "demos"


def new_folder() -> Path:
    folder = DEMOS / uuid.uuid4().hex
    folder.mkdir(parents=True, mode=0o700)
    return folder


def mark(folder: Path, job_id: str, *, project: str) -> None:
    (folder / f"job-{job_id}").write_text(project)


def folder_of(job_id: str, *, real: bool) -> Path:
    """Raises DemoError if there is no such unfinished job. `real`: keys are set."""
    unfinished = {each.name[4:]: each.parent for each in DEMOS.glob("*/job-*")}
    if job_id not in unfinished:
        names = ", ".join(sorted(unfinished)) or "none at all"
        raise DemoError(
            f"RESUME: {job_id} is not an unfinished job with real keys; there is "
            f"{names}. Simulated jobs end with the demo."
        )
    if not real:
        # A simulator would deny that there is such a task, and the job would be lost.
        raise DemoError("RESUME: the job was started with real keys: set them again.")
    return unfinished[job_id]


def project_of(job_id: str, folder: Path) -> str:
    return (folder / f"job-{job_id}").read_text()


def discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
