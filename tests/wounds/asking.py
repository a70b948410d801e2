"""What the owner of a job does: ask for a video, look at it, cancel it."""

from dataclasses import replace

from shared.domain.catalogue import DEFAULT_CHAIN, Link
from shared.domain.job import Job, Language
from shared.domain.ledger import Totals
from shared.domain.outcomes import Succeeded
from shared.ports import Caller
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.get_video import GetVideo
from shared.usecases.wake import Waker
from tests.domain.examples import a_request
from tests.usecases.stage import Stage, create_video

ANN = Caller(user_id="ann")


def take(
    stage: Stage, *, key: str | None = None, chain: tuple[Link, ...] = DEFAULT_CHAIN
) -> Job:
    use_case = create_video(stage, chain=chain, stop=True)
    return use_case(ANN, a_request(), Language.ENGLISH, key).job


def look(stage: Stage) -> Job:
    use_case = GetVideo(
        jobs=stage.jobs, bucket=stage.bucket, clock=stage.clock, ids=stage.ids
    )
    return use_case(ANN, "job1")


def cancel(stage: Stage) -> Job:
    use_case = CancelVideo(
        jobs=stage.jobs, recorder=stage.recorder, waker=Waker(queue=stage.queue)
    )
    return use_case(ANN, "job1")


def hold(stage: Stage, job: Job) -> None:
    """`job` is taken as a caller's is: its money is held and it counts as open."""
    stage.jobs.create(replace(job, version=1))


def booked(stage: Stage) -> Totals:
    """Ann's own account of this month."""
    return next(a for n, a in stage.jobs.accounts.items() if n.startswith("user")).month


def deliver(stage: Stage, link: Link = Link.RUNWAY) -> None:
    """`link` will say that its task has succeeded."""
    stage.links[link].polls = [Succeeded()]
