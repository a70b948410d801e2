"""A deploy root beside main.py: the same functions, whose processes come to harm.

`functions-framework --source` takes it in the place of main.py. CHAOS_FOLDER,
CHAOS_SEED and CHAOS_JOBS say what is done to whom.
"""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from flask import Request, Response
from google.cloud.firestore_v1.services.firestore import FirestoreClient

from local import entry
from local.fault_injection import crash_points
from local.fault_injection.journal import Diary
from local.fault_injection.plan import crash_plan
from shared import wiring

Function = Callable[[Request], Response]


def _saboteur() -> crash_points.Saboteur:
    folder = Path(os.environ["CHAOS_FOLDER"])
    seed, jobs = int(os.environ["CHAOS_SEED"]), int(os.environ["CHAOS_JOBS"])
    return crash_points.Saboteur(
        plan=crash_plan(seed, jobs),
        marks=folder / "marks",
        diary=Diary(folder / "diary.jsonl"),
    )


def _harm_the_wiring(saboteur: crash_points.Saboteur) -> None:
    jobs, queue, bucket = wiring.jobs, wiring.queue, wiring.bucket
    providers = wiring.providers
    changed = {
        "jobs": wiring.once(lambda: crash_points.SabotagedJobs(jobs(), saboteur)),
        "queue": wiring.once(lambda: crash_points.SabotagedQueue(queue(), saboteur)),
        "bucket": wiring.once(lambda: crash_points.SabotagedBucket(bucket(), saboteur)),
        "providers": wiring.once(
            lambda: crash_points.SabotagedProviders(providers(), saboteur)
        ),
    }
    for name, builder in changed.items():
        setattr(wiring, name, builder)
    commit = crash_points.sabotaged_commit(FirestoreClient.commit, saboteur)
    setattr(FirestoreClient, "commit", commit)  # noqa: B010 - mypy: not a method of ours


def _watched(function: Function, saboteur: crash_points.Saboteur) -> Function:
    @wraps(function)
    def watched(request: Request) -> Response:
        with saboteur.serving(function.__name__):
            return function(request)

    return watched


def _deploy() -> None:
    saboteur = _saboteur()
    _harm_the_wiring(saboteur)
    for name in entry.__all__:
        globals()[name] = _watched(getattr(entry, name), saboteur)


# Being imported is what this file is for: it stands where main.py does.
_deploy()
