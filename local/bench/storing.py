"""Videos on their way from the vendor into the bucket, beside a plain transfer.

`python -m local.bench.storing HOW VENDOR STORAGE KEY NAME…`: stores these files of the
vendor one after another and prints, for each, the seconds that it took and the largest
resident memory of the process until then, in MB.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local.bench.at_vendor import job_at_vendor
from local.bench.figures import Figure, Row, alternating, print_beside
from local.bench.stand import Stand
from local.emulators.cloud_storage.signatures import signer_from_key
from local.emulators.storage import running_storage
from local.functions import BUCKET
from local.processes import Program, Running, answers, free_port, python, wait_until
from local.simulators.render import Shape, render
from local.stack import ROOT
from shared.domain.outcomes import (
    Accepted,
    Poll,
    Stored,
    StoreMissed,
    Submission,
    Succeeded,
)
from shared.gcp.bucket import CloudBucket
from shared.gcp.credentials import url_signer
from shared.gcp.web_download import PublicWeb
from shared.media.decoder import ChildVideoCheck
from shared.ports.providers import GenerationRequest, Result, TaskRef, WebFile
from shared.ports.storage import VideoCheck, VideoFacts
from shared.system import SystemClock
from shared.worker.store import Storing

SMALL_MB, MIDDLE_MB, LARGE_MB = 4, 64, 256
SECONDS = 5
# How a file is stored: as the worker does, without the decoder, or as anybody would.
CHECKED, UNCHECKED, PLAIN = "checked", "unchecked", "plain"
LEAST_RATIO = "at least 0.9"
PLAINLY = "download and upload by requests and google-cloud-storage"
Found = dict[str, float]


def measure(stand: Stand, rounds: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _write_videos(folder)
        signer = signer_from_key(stand.key_file.read_text())
        served = stack.enter_context(running_storage(folder / "bucket", signer))
        where = (_serve(folder, stack), served.address, str(stand.key_file))
        store = partial(_stored, where)
        plain, unchecked = alternating(
            rounds,
            partial(store, PLAIN, MIDDLE_MB),
            partial(store, UNCHECKED, MIDDLE_MB),
        )
        small, large = alternating(
            rounds,
            partial(store, CHECKED, SMALL_MB),
            partial(store, CHECKED, LARGE_MB),
        )
        least, most = alternating(
            rounds,
            partial(store, UNCHECKED, SMALL_MB),
            partial(store, CHECKED, SMALL_MB),
        )
    moved: Sequence[Row[Found]] = (
        ("store_throughput", "MB/s", lambda f: MIDDLE_MB / f["seconds"], LEAST_RATIO),
        ("store_cpu", "s", itemgetter("cpu_seconds"), ""),
    )
    print_beside(PLAINLY, plain, unchecked, moved)
    Figure(
        metric="store_memory",
        unit="MB",
        values=[
            at_most["resident_mb"] - at_least["resident_mb"]
            for at_least, at_most in zip(small, large, strict=True)
        ],
        reference=f"growth from a video of {SMALL_MB} MB to one of {LARGE_MB} MB",
        goal="at most 16",
    ).print()
    undecoded = f"{SMALL_MB} MB, 5 s in 720p, without decoding its frames"
    seconds = [("store_seconds", "s", itemgetter("seconds"), "")]
    print_beside(undecoded, least, most, seconds)


def _write_videos(folder: Path) -> None:
    """One video in three sizes: what fills it up, players skip."""
    shape = Shape(width=1280, height=720, duration_seconds=SECONDS)
    image = (ROOT / "local" / "raccoon.jpg").read_bytes()
    video = render(image, shape, lambda _: None)
    for megabytes in (SMALL_MB, MIDDLE_MB, LARGE_MB):
        left = max(8, megabytes * 1_000_000 - len(video))
        filling = left.to_bytes(4) + b"free" + bytes(left - 8)
        (folder / f"{megabytes}.mp4").write_bytes(video + filling)


def _serve(folder: Path, stack: ExitStack) -> str:
    """The vendor's files, by Python's own server."""
    port, host = free_port(), "127.0.0.1"
    command = python("http.server", str(port), "--bind", host, "-d", str(folder))
    program = Program(
        name="vendor", command=command, environment={}, log=folder / "vendor.log"
    )
    running = Running(program)
    stack.callback(running.end)
    wait_until(answers(f"http://{host}:{port}/"), running)
    return f"http://{host}:{port}"


def _stored(where: Sequence[str], how: str, megabytes: int) -> Found:
    """By a process of its own, after a small one that is not counted."""
    names = (f"{SMALL_MB}.mp4", f"{megabytes}.mp4")
    command = python("local.bench.storing", how, *where, *names)
    ran = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    found: Found = json.loads(ran.stdout.splitlines()[-1])
    return found


class _Vendor:
    """The port `Provider`, as far as a result is asked for."""

    writes_into_bucket = False

    def __init__(self, origin: str, name: str) -> None:
        self._file = WebFile(url=f"{origin}/{name}", trusted_origin=origin)

    def start(self, request: GenerationRequest) -> Submission:
        return Accepted(task_id="task")

    def poll(self, task: TaskRef) -> Poll:
        return Succeeded()

    def fetch(self, task: TaskRef) -> Result:
        return self._file

    def cancel(self, task: TaskRef) -> bool:
        return True


class _NoCheck:
    def inspect(self, file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        return VideoFacts(
            duration_seconds=SECONDS,
            width=1280,
            height=720,
            has_audio=False,
            poster=bytes(100_000),
        )


def _keep(bucket: CloudBucket, check: VideoCheck, vendor: _Vendor) -> None:
    storing = Storing(bucket=bucket, web=PublicWeb(), check=check, clock=SystemClock())
    job = job_at_vendor()
    with tempfile.TemporaryFile() as copy:
        found = storing.bring_in(job, job.attempts[0], vendor, copy)
        assert not isinstance(found, StoreMissed), found
        kept = storing.keep(job, job.attempts[0], found, copy)
    assert isinstance(kept, Stored), kept


def _transfer(client: storage.Client, url: str) -> None:
    blob = client.bucket(BUCKET).blob(f"plain/{uuid.uuid4().hex}.mp4")
    with requests.get(url, stream=True, timeout=60) as answer:
        blob.upload_from_file(answer.raw, content_type="video/mp4")


def _most_resident_mb() -> float:
    """Not getrusage's, which begins with that of the process it was started by."""
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(kilobytes) / 1000


def main(how: str, vendor: str, address: str, key: str, *names: str) -> None:
    client = storage.Client(
        project="bench",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": address},
    )
    bucket = CloudBucket(client=client, bucket_name=BUCKET, signer=url_signer(key))
    check: VideoCheck = ChildVideoCheck() if how == CHECKED else _NoCheck()
    for name in names:
        store: Callable[[], None] = (
            partial(_transfer, client, f"{vendor}/{name}")
            if how == PLAIN
            else partial(_keep, bucket, check, _Vendor(vendor, name))
        )
        began, began_cpu = time.monotonic(), time.process_time()
        store()
        found = {
            "seconds": time.monotonic() - began,
            "cpu_seconds": time.process_time() - began_cpu,
            "resident_mb": _most_resident_mb(),
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
