"""`python -m local.fault_injection`: prints one JSON object, and any broken promise."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from msgspec import to_builtins

from local.emulators.firestore import NotInstalled
from local.fault_injection.evidence import Evidence
from local.fault_injection.plan import FaultPlan
from local.fault_injection.receiver import Receiver
from local.fault_injection.run import Run, RunOptions, faulty_stack
from local.fault_injection.users import NoResponseError
from local.fault_injection.verdict import verdict_on
from local.processes import DidNotStart, bypass_proxies

MAX_JOBS = 60_000  # so many different images there are
# All that is kept of the caller's environment: no keys, no addresses, no caps.
INHERITED = ("PATH", "HOME")


def main(arguments: Sequence[str]) -> int:
    parser = _parser()
    args = parser.parse_args(arguments)
    if not 1 <= args.jobs <= MAX_JOBS:
        parser.error(f"--jobs: from 1 to {MAX_JOBS}")
    bypass_proxies()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="reelay-chaos-"))
    began = time.monotonic()
    options = RunOptions(
        plan=FaultPlan(seed=args.seed, jobs=args.jobs),
        time_scale=args.time_scale,
        folder=folder,
        environ={name: os.environ[name] for name in INHERITED if name in os.environ},
        say=lambda text: _say(text, time.monotonic() - began),
    )
    code = 1
    try:
        receiver = Receiver()
        with receiver.server() as server, faulty_stack(options, server.url) as stack:
            evidence = Run(options, stack, receiver)()
        code = _report(evidence, options, round(time.monotonic() - began))
    except (NotInstalled, DidNotStart, NoResponseError) as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        code = 130
    if code == 1:
        print(f"logs: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _report(evidence: Evidence, options: RunOptions, seconds: int) -> int:
    """Print the figures, and for each broken promise its job and the job's journal."""
    verdict = verdict_on(evidence)
    settings = {"seed": options.plan.seed, "time_scale": options.time_scale}
    print(json.dumps(settings | {"seconds": seconds} | dict(verdict.figures)))
    jobs = {job.job_id: to_builtins(job) for job in evidence.jobs}
    for broken in verdict.broken:
        journal = [asdict(e) for e in evidence.journal if e.job_id == broken.job_id]
        found = {"job": jobs.get(broken.job_id), "journal": journal}
        print(f"{broken.promise}: {broken.job_id} {broken.why}", file=sys.stderr)
        print(json.dumps(found, indent=1, default=str), file=sys.stderr)
    return 1 if verdict.broken else 0


def _say(text: str, seconds: float) -> None:
    print(f"{seconds:6.0f} s  {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.fault_injection", description=__doc__
    )
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    scale = "scales every limit; 0.2 makes a lease 18 s"
    parser.add_argument("--time-scale", type=float, default=1.0, help=scale)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
