"""What the owner of a job does: ask for a video, look at it, cancel it."""

from dataclasses import replace

from shared.domain.catalogue import DEFAULT_CHAIN, ProviderId
from shared.domain.job import Job, Language
from shared.domain.ledger import Totals
from shared.domain.outcomes import Succeeded
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.read_videos import GetVideo
from tests.domain.examples import a_request
from tests.usecases.harness import (
    Harness,
    create_video,
)

ANN = Caller(user_id="ann")


def take(
    harness: Harness,
    *,
    key: str | None = None,
    chain: tuple[ProviderId, ...] = DEFAULT_CHAIN,
) -> Job:
    use_case = create_video(harness, chain=chain, stop=True)
    return use_case(ANN, a_request(), Language.ENGLISH, key).job


def look(harness: Harness) -> Job:
    use_case = GetVideo(
        jobs=harness.jobs, bucket=harness.bucket, clock=harness.clock, ids=harness.ids
    )
    return use_case(ANN, "job1")


def cancel(harness: Harness) -> Job:
    use_case = CancelVideo(
        jobs=harness.jobs,
        committer=harness.committer,
        scheduler=TaskScheduler(queue=harness.queue),
    )
    return use_case(ANN, "job1")


def hold(harness: Harness, job: Job) -> None:
    """`job` is taken as a caller's is: its money is held and it counts as open."""
    harness.jobs.create(replace(job, version=1))


def booked(harness: Harness) -> Totals:
    """Ann's own account of this month."""
    return next(
        a for n, a in harness.jobs.accounts.items() if n.startswith("user")
    ).month


def deliver(harness: Harness, provider_id: ProviderId = ProviderId.RUNWAY) -> None:
    """`link` will say that its task has succeeded."""
    harness.providers[provider_id].polls = [Succeeded()]
