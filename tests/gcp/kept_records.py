"""Job records of each release, kept to test that later releases read them.

`python -m tests.gcp.kept_records RELEASE` writes those of this code, a job per line.
"""

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, ImageFault, Problem
from shared.domain.job import Job
from shared.domain.outcomes import CancelRequested, Polled, Rejected, Unknown, Working
from shared.domain.prompt_translation import PromptTranslation
from shared.domain.structs import replace
from shared.domain.transitions import apply
from shared.domain.webhook import Webhook, WebhookStatus
from shared.gcp.job_record import record_of
from tests.domain.examples import (
    FAULT,
    IMAGE,
    MINUTE,
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
STILL_WORKING = Polled(
    attempt_id=str(ProviderId.RUNWAY), poll=Working(), polled_at=NOON
)
UNSURE = answered(a_job(), ProviderId.RUNWAY, Unknown(detail="lost"))
WITH_UPLOAD = a_new_job(last_image_url="https://example.com/dog.jpg")
ASKED: Mapping[str, object] = {
    "last_image_url": "https://example.com/dog.jpg",
    "translate": "off",
    "webhook_url": "https://example.com/hook",
}


def changed(job: Job, **fields: Any) -> Job:
    """The job with these fields of its latest attempt changed."""
    return replace(
        job, attempts=(*job.attempts[:-1], replace(job.attempts[-1], **fields))
    )


# A job in each state that a release may find; together they use every field.
JOBS: Mapping[str, Job] = {
    "new": a_new_job(seed=7, metadata={"한.글": "`"}),
    "preparing": replace(
        WITH_UPLOAD,
        request=replace(WITH_UPLOAD.request, last_image="2", last_image_url=None),
        preparing_until=NOON + MINUTE,
        prepare_tries=1,
    ),
    "parked": replace(
        a_job(**ASKED),
        image=replace(IMAGE, source_width=1300, source_height=720),
        last_image=IMAGE,
        translation=PromptTranslation(
            cost_usd=Decimal("0.001"), until=NOON, text="a cat"
        ),
        webhook=Webhook(key_id="key1"),
        is_parked=True,
    ),
    "starting": started(a_job(), ProviderId.RUNWAY),
    "running": running(a_job(), ProviderId.RUNWAY),
    "running for long": changed(
        running(a_job(), ProviderId.RUNWAY),
        vendor_max_usd=Decimal("0.50"),
        platform="gemini-api",
        polled_at=NOON,
        missed_polls=1,
        gone_since=NOON,
        queued_at_vendor=True,
        poll_plan=(20, 40),
        empty_since=NOON,
    ),
    "cancelled": CANCELLED,
    "cancelling": apply(CANCELLED, STILL_WORKING, NOON),
    "cancelling in vain": changed(
        apply(CANCELLED, STILL_WORKING, NOON), closing_polls=1, cancel_tries=1
    ),
    "storing": storing(a_job(), ProviderId.RUNWAY),
    "storing for long": changed(
        storing(a_job(), ProviderId.RUNWAY),
        gs_uri="gs://b/incoming/1/a/sample_0.mp4",
        store_tries=2,
        bad_outputs=1,
        lost_checks=1,
        unserved_tries=1,
        checking_until=NOON + MINUTE,
    ),
    "unknown": UNSURE,
    "written off": replace(changed(UNSURE, written_off=True), ending=FAULT),
    "asked again": answered(
        a_job(chain=(ProviderId.VEO,)),
        ProviderId.VEO,
        Rejected(problem=FAULT, ask_again=True, retry_after_seconds=2.5),
    ),
    "completed": completed(a_job(), ProviderId.RUNWAY),
    "told": replace(
        completed(a_job(webhook_url=ASKED["webhook_url"]), ProviderId.RUNWAY),
        webhook=Webhook(
            key_id="key1",
            status=WebhookStatus.DELIVERED,
            attempts=1,
            ended_at=NOON,
            due_at=NOON,
        ),
    ),
    "image refused": replace(
        a_job(),
        problem=Problem(
            code=ErrorCode.IMAGE_INVALID,
            image_fault=ImageFault.TOO_SMALL,
            field="last_image",
        ),
        wake_at=None,
    ),
    "failed": a_job().ended(ErrorCode.CANCELLED, "why"),
}


def write(release: str) -> None:
    lines = (
        json.dumps({"name": name, "record": record_of(job)}, default=_timestamp)
        for name, job in JOBS.items()
    )
    (FOLDER / f"{release}.jsonl").write_text("\n".join(lines) + "\n")


def kept() -> Mapping[str, Record]:
    """All kept records by release and name, as Firestore returns them."""
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
