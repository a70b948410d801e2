"""Creates jobs whose task the vendor has accepted, as the worker leaves them."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from shared.domain import fallback, timing
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, ProviderId
from shared.domain.job import Job, Language
from shared.domain.ledger import Limits, ledger_key, nth_of
from shared.domain.outcomes import Accepted, Intended, PreparedImage, Submitted
from shared.domain.pricing import first_price_usd
from shared.domain.request import VideoRequest
from shared.domain.structs import replace
from shared.domain.transitions import apply
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_jobs import FirestoreJobs

BODY = {
    "prompt": "a raccoon",
    "image_url": "https://example.com/raccoon.jpg",
    "model": "runway",
    "duration": 5,
    "aspect_ratio": "16:9",
}
RUNWAY = ProviderId.RUNWAY


def client_of(project: str) -> firestore.Client:
    return firestore.Client(project=project, credentials=AnonymousCredentials())


def put_job(
    client: firestore.Client,
    task_id: str,
    *,
    started_at: datetime,
    poll_plan: Sequence[int] = (),
) -> Job:
    """Store a new job that its first provider accepted at `started_at`."""
    jobs, job = FirestoreJobs(Database(client)), _new_job(started_at)
    jobs.create(job)
    before = jobs.read(job.job_id)
    assert before is not None
    return jobs.commit(before, _accepted(job, task_id, started_at, poll_plan)).value


def job_at_vendor() -> Job:
    """A job like those of `put_job`, but not stored."""
    now = datetime.now(UTC)
    return _accepted(_new_job(now), "task", now)


def _accepted(job: Job, task_id: str, at: datetime, plan: Sequence[int] = ()) -> Job:
    submission = Accepted(task_id=task_id)
    submitted = Submitted(
        attempt_id="first", submission=submission, poll_plan=tuple(plan)
    )
    intended = apply(job, Intended(attempt_id="first", provider_id=RUNWAY), at)
    return replace(apply(intended, submitted, at), version=2)


def _new_job(at: datetime) -> Job:
    request, job_id = VideoRequest.parse(BODY), uuid.uuid4().hex
    chain = fallback.plan_chain(request, DEFAULT_CHAIN, DEFAULT_MODELS)
    return Job(
        job_id=job_id,
        user_id=job_id,
        language=Language.ENGLISH,
        request=request,
        chain=chain,
        hold_usd=first_price_usd(chain),
        ledger_key=ledger_key(job_id, at, Limits(), nth_of(job_id)),
        stop_on_unknown=False,
        created_at=at,
        updated_at=at,
        deadline_at=at + timing.JOB_LIMIT,
        expires_at=datetime.now(UTC) + timedelta(days=1),
        wake_at=at,
        version=1,
        commit_id="first",
        image=PreparedImage(
            object_name=f"images/{job_id}", width=1280, height=720, size_bytes=9
        ),
    )
