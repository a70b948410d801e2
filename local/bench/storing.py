"""Storing videos from the vendor into the bucket, compared to a plain transfer.

`python -m local.bench.storing HOW VENDOR STORAGE KEY NAME…` stores these files of the
vendor one after another and prints for each its seconds, CPU seconds, and the peak
resident memory of the process so far, in MB.
"""

import json
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
from types import SimpleNamespace
from typing import cast

import requests
from google.cloud import storage

from local.bench.at_vendor import job_at_vendor
from local.bench.figures import Row, alternating, peak_resident_mb, print_compared
from local.bench.rig import Rig
from local.bucket_client import storage_of
from local.emulators.cloud_storage.signatures import signer_from_key
from local.emulators.storage import running_storage
from local.functions import BUCKET
from local.processes import RunningProcess, answers, free_port, python, wait_until
from local.simulators.render import Shape, render
from local.stack import ROOT
from shared.domain.delivery import VideoFacts
from shared.domain.outcomes import Stored, StoreFailed
from shared.gcp.bucket import CloudBucket
from shared.gcp.credentials import url_signer
from shared.gcp.web_download import PublicWeb
from shared.media.decoder import ChildVideoCheck
from shared.ports.providers import Provider, WebFile
from shared.ports.storage import VideoCheck
from shared.system import SystemClock
from shared.worker.store import StoreStep

SMALL_MB, MIDDLE_MB, LARGE_MB = 4, 64, 256
SECONDS = 5
# How a file is stored: as the worker does, without decoding it, or by a plain transfer.
CHECKED, UNCHECKED, PLAIN = "checked", "unchecked", "plain"
MIN_RATIO = "at least 0.9"
REFERENCE = "download and upload by requests and google-cloud-storage"
Figures = dict[str, float]


def measure(rig: Rig, rounds: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _write_videos(folder)
        signer = signer_from_key(rig.key_file.read_text())
        served = stack.enter_context(running_storage(folder / "bucket", signer))
        where = (_serve(folder, stack), served.address, str(rig.key_file))
        store = partial(_stored, where)
        plain, unchecked = alternating(
            rounds,
            partial(store, PLAIN, MIDDLE_MB),
            partial(store, UNCHECKED, MIDDLE_MB),
        )
        small, large = alternating(
            rounds, partial(store, CHECKED, SMALL_MB), partial(store, CHECKED, LARGE_MB)
        )
        without_decoding, with_decoding = alternating(
            rounds,
            partial(store, UNCHECKED, SMALL_MB),
            partial(store, CHECKED, SMALL_MB),
        )
    moved: Sequence[Row[Figures]] = (
        ("store_throughput", "MB/s", lambda f: MIDDLE_MB / f["seconds"], MIN_RATIO),
        ("store_cpu", "s", itemgetter("cpu_seconds"), ""),
    )
    print_compared(REFERENCE, plain, unchecked, moved)
    growth = f"growth from a video of {SMALL_MB} MB to one of {LARGE_MB} MB"
    grown = [
        b["resident_mb"] - a["resident_mb"] for a, b in zip(small, large, strict=True)
    ]
    print_compared(growth, [], grown, [("store_memory", "MB", float, "at most 16")])
    undecoded = f"{SMALL_MB} MB, 5 s in 720p, without decoding its frames"
    seconds = [("store_seconds", "s", itemgetter("seconds"), "")]
    print_compared(undecoded, without_decoding, with_decoding, seconds)


def _write_videos(folder: Path) -> None:
    """A video in three sizes, padded with a box that players skip."""
    shape = Shape(width=1280, height=720, duration_seconds=SECONDS)
    image = (ROOT / "local" / "raccoon.jpg").read_bytes()
    video = render(image, shape, lambda _: None)
    for megabytes in (SMALL_MB, MIDDLE_MB, LARGE_MB):
        left = max(8, megabytes * 1_000_000 - len(video))
        filling = left.to_bytes(4) + b"free" + bytes(left - 8)
        (folder / f"{megabytes}.mp4").write_bytes(video + filling)


def _serve(folder: Path, stack: ExitStack) -> str:
    """Serve the vendor's files with Python's own server."""
    port, host = free_port(), "127.0.0.1"
    command = python("http.server", str(port), "--bind", host, "-d", str(folder))
    running = RunningProcess(command, environment={}, log=folder / "vendor.log")
    wait_until(answers(f"http://{host}:{port}/"), stack.enter_context(running))
    return f"http://{host}:{port}"


def _stored(where: Sequence[str], how: str, megabytes: int) -> Figures:
    """Store in a process of its own, after a small file that is not counted."""
    names = (f"{SMALL_MB}.mp4", f"{megabytes}.mp4")
    command = python("local.bench.storing", how, *where, *names)
    ran = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    found: Figures = json.loads(ran.stdout.splitlines()[-1])
    return found


def _vendor(origin: str, name: str) -> Provider:
    """A vendor, as far as storing this file of it needs one."""
    file = WebFile(url=f"{origin}/{name}", trusted_origin=origin)
    return cast(
        Provider, SimpleNamespace(writes_into_bucket=False, fetch=lambda _: file)
    )


def _no_check() -> VideoCheck:
    facts = VideoFacts(
        duration_seconds=SECONDS,
        width=1280,
        height=720,
        has_audio=False,
        poster=bytes(100_000),
    )
    return cast(VideoCheck, SimpleNamespace(inspect=lambda *_, **__: facts))


def _keep(bucket: CloudBucket, check: VideoCheck, vendor: Provider) -> None:
    storing = StoreStep(
        bucket=bucket,
        web=PublicWeb(total_seconds=300),
        check=check,
        clock=SystemClock(),
    )
    job = job_at_vendor()
    with tempfile.TemporaryFile() as copy:
        found = storing.fetch_result(job, job.attempts[0], vendor, copy)
        assert not isinstance(found, StoreFailed), found
        kept = storing.check_and_store(job, job.attempts[0], found, copy)
    assert isinstance(kept, Stored), kept


def _transfer(client: storage.Client, url: str) -> None:
    blob = client.bucket(BUCKET).blob(f"plain/{uuid.uuid4().hex}.mp4")
    with requests.get(url, stream=True, timeout=60) as response:
        blob.upload_from_file(response.raw, content_type="video/mp4")


def main(how: str, vendor: str, address: str, key: str, *names: str) -> None:
    client = storage_of(address)
    bucket = CloudBucket(client=client, bucket_name=BUCKET, signer=url_signer(key))
    check: VideoCheck = ChildVideoCheck() if how == CHECKED else _no_check()
    for name in names:
        store: Callable[[], None] = (
            partial(_transfer, client, f"{vendor}/{name}")
            if how == PLAIN
            else partial(_keep, bucket, check, _vendor(vendor, name))
        )
        began, began_cpu = time.monotonic(), time.process_time()
        store()
        found = {
            "seconds": time.monotonic() - began,
            "cpu_seconds": time.process_time() - began_cpu,
            "resident_mb": peak_resident_mb(),
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
