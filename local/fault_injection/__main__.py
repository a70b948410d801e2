"""`python -m local.fault_injection`: one JSON object, or what was broken."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from local.emulators.firestore import NotInstalled
from local.fault_injection.evidence import Evidence
from local.fault_injection.user import NoAnswerError
from local.fault_injection.verdict import (
    Broken,
    judge,
)
from local.fault_injection.world import (
    Run,
    RunOptions,
    chaotic_stack,
)
from local.processes import DidNotStart

# Of the person's environment only this: no keys, no addresses, no caps.
KEPT = ("PATH", "HOME", "JAVA_HOME", "FIRESTORE_EMULATOR_JAR")


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: _interrupt())
    folder = Path(tempfile.mkdtemp(prefix="reelay-chaos-"))
    began = time.monotonic()
    options = RunOptions(
        jobs=asked.jobs,
        seed=asked.seed,
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
    with chaotic_stack(options) as stack:
        run = Run(options, stack)
        evidence, records = run(), run.records()
    verdict = judge(evidence)
    figures = dict(verdict.figures)
    figures |= {"seed": options.seed, "seconds": round(time.monotonic() - began)}
    print(json.dumps(figures))
    if not verdict.broken:
        return 0
    _report(options.folder, verdict.broken, evidence, records)
    return 1


def _report(
    folder: Path,
    broken: Sequence[Broken],
    evidence: Evidence,
    records: Mapping[str, Mapping[str, object]],
) -> None:
    """The records of the jobs concerned, and what happened to them, as files."""
    for each in broken:
        print(f"{each.promise}: {each.job_id} {each.why}", file=sys.stderr)
        happened = [e for e in evidence.diary if e.job_id == each.job_id]
        told = {
            "broken": each.why,
            "record": records.get(each.job_id),
            "diary": [asdict(entry) for entry in happened],
        }
        file = folder / f"broken-{each.promise}-{each.job_id or 'all'}.json"
        file.write_text(json.dumps(told, indent=1, default=str))
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
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 60_000:
        raise argparse.ArgumentTypeError("from 1 to 60000")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
