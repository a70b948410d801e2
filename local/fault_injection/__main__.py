"""`python -m local.fault_injection`: one JSON object, or what was broken."""

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

from local.emulators.firestore import NotInstalled
from local.fault_injection.evidence import Evidence
from local.fault_injection.plan import FaultPlan
from local.fault_injection.run import Run, RunOptions, faulty_stack
from local.fault_injection.users import NoAnswerError
from local.fault_injection.verdict import Broken, verdict_on
from local.processes import DidNotStart

# Of the caller's environment only this: no keys, no addresses, no caps.
KEPT = ("PATH", "HOME", "JAVA_HOME", "FIRESTORE_EMULATOR_JAR")


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: _interrupt())
    folder = Path(tempfile.mkdtemp(prefix="reelay-chaos-"))
    began = time.monotonic()
    options = RunOptions(
        plan=FaultPlan(seed=asked.seed, jobs=asked.jobs),
        time_scale=asked.time_scale,
        folder=folder,
        environ={name: os.environ[name] for name in KEPT if name in os.environ},
        say=lambda text: _say(text, time.monotonic() - began),
    )
    try:
        code = _run(options, began)
    except (NotInstalled, DidNotStart, NoAnswerError) as error:
        print(f"{error}\nlogs: {folder}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        code = 130
    if code != 1:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _run(options: RunOptions, began: float) -> int:
    with faulty_stack(options) as stack:
        evidence = Run(options, stack)()
    verdict = verdict_on(evidence)
    seconds = round(time.monotonic() - began)
    own = {"seed": options.plan.seed, "time_scale": options.time_scale}
    print(json.dumps(own | {"seconds": seconds} | dict(verdict.figures)))
    if not verdict.broken:
        return 0
    _report(options.folder, verdict.broken, evidence)
    return 1


def _report(folder: Path, broken: Sequence[Broken], evidence: Evidence) -> None:
    """The jobs concerned and what was injected, as files."""
    jobs = {job.job_id: asdict(job) for job in evidence.jobs}
    for each in broken:
        print(f"{each.promise}: {each.job_id} {each.why}", file=sys.stderr)
        own = [asdict(e) for e in evidence.journal if e.job_id == each.job_id]
        found = {"broken": each.why, "job": jobs.get(each.job_id), "journal": own}
        file = folder / f"broken-{each.promise}-{each.job_id or 'all'}.json"
        file.write_text(json.dumps(found, indent=1, default=str))
    print(f"{len(broken)} promises broken; the records: {folder}", file=sys.stderr)


def _say(text: str, seconds: float) -> None:
    print(f"{seconds:6.0f} s  {text}", file=sys.stderr, flush=True)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.fault_injection", description=__doc__
    )
    parser.add_argument("--jobs", type=_positive, default=300)
    parser.add_argument("--seed", type=int, default=1)
    scale = "of every limit; 0.2 makes a lease 18 s"
    parser.add_argument("--time-scale", type=float, default=1.0, help=scale)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 60_000:
        raise argparse.ArgumentTypeError("from 1 to 60000")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
