"""Records of each release, kept so that later ones prove that they read them.

`python -m tests.gcp.kept_records RELEASE` writes those of this code, a job a line.
"""

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import Job
from shared.domain.outcomes import CancelRequested, Polled, Rejected, Unknown, Working
from shared.domain.transitions import apply
from shared.gcp.job_record import record_of
from tests.domain.examples import (
    FAULT,
    NOON,
    a_job,
    a_new_job,
    answered,
    completed,
    running,
    started,
    storing,
)

FOLDER = Path(__file__).parent / "records"
Record = dict[str, Any]
CANCELLED = apply(running(a_job(), ProviderId.RUNWAY), CancelRequested(), NOON)
STILL_WORKING = Polled(attempt_id=str(ProviderId.RUNWAY), poll=Working())
# One in each state that a release may find a job in.
JOBS: Mapping[str, Job] = {
    "new": a_new_job(seed=7, metadata={"한.글": "`"}),
    "starting": started(a_job(), ProviderId.RUNWAY),
    "running": running(a_job(), ProviderId.RUNWAY),
    "cancelled": CANCELLED,
    "cancelling": apply(CANCELLED, STILL_WORKING, NOON),
    "storing": storing(a_job(), ProviderId.RUNWAY),
    "unknown": answered(a_job(), ProviderId.RUNWAY, Unknown(detail="lost")),
    "asked again": answered(
        a_job(chain=(ProviderId.VEO,)),
        ProviderId.VEO,
        Rejected(problem=FAULT, ask_again=True, retry_after_seconds=2.5),
    ),
    "completed": completed(a_job(), ProviderId.RUNWAY),
    "failed": a_job().ended(ErrorCode.CANCELLED, "why"),
}


def write(release: str) -> None:
    lines = (
        json.dumps({"name": name, "record": record_of(job)}, default=_timestamp)
        for name, job in JOBS.items()
    )
    (FOLDER / f"{release}.jsonl").write_text("\n".join(lines) + "\n")


def kept() -> Mapping[str, Record]:
    """By release and name, as Firestore gives them."""
    return {
        f"{file.stem} {read['name']}": read["record"]
        for file in sorted(FOLDER.glob("*.jsonl"))
        for line in file.read_text().splitlines()
        for read in [json.loads(line, object_hook=_with_timestamps)]
    }


def _timestamp(value: object) -> Record:
    assert isinstance(value, datetime)
    return {"timestamp": value.isoformat()}


def _with_timestamps(found: Record) -> Any:
    if found.keys() == {"timestamp"}:
        return datetime.fromisoformat(found["timestamp"])
    return found


if __name__ == "__main__":
    write(sys.argv[1])
