"""The local Cloud Storage: an HTTP server with one bucket.

`STORAGE_EMULATOR_HOST=http://127.0.0.1:PORT` makes the real client library use it.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from google.auth.credentials import Signing
from werkzeug import Request, Response

from local.emulators.cloud_storage import json_api
from local.emulators.cloud_storage.cors import Cors
from local.emulators.cloud_storage.json_api import JsonApi
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.signatures import signer_from_key
from local.emulators.cloud_storage.xml_api import XmlApi
from local.faults import FaultPlan
from local.faults_control import faults_control
from local.functions import BUCKET
from local.http_server import HttpServer, application, run_until_signal

utc_now = partial(datetime.now, UTC)


@dataclass(frozen=True, slots=True)
class RunningStorage:
    address: str
    store: ObjectStore
    faults: FaultPlan


@contextmanager
def running_storage(
    folder: Path,
    signer: Signing,
    *,
    bucket: str = BUCKET,
    origins: Sequence[str] = (),
    port: int = 0,
    now: Callable[[], datetime] = utc_now,
) -> Iterator[RunningStorage]:
    """Serve in this process until the block ends, with all connections.

    `origins`: of the pages that may use the bucket, such as http://127.0.0.1:8080.
    `port`: 0 takes a free one.
    """
    store, faults = ObjectStore(folder, now), FaultPlan()
    json = JsonApi(bucket, store, faults)
    xml = XmlApi(bucket, store, faults, cors=Cors(origins), signer=signer, now=now)

    def view(request: Request) -> Response:
        if request.path == "/_control/faults":
            return faults_control(faults, request)
        return (json if request.path.startswith(json_api.PATHS) else xml)(request)

    with HttpServer(application(view), port=port, origins=origins) as server:
        yield RunningStorage(server.url, store, faults)


def main() -> None:
    """Print one JSON line when ready, and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m local.emulators.storage")
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 picks a free one")
    add("--folder", type=Path, required=True, help="objects on disk")
    add("--key", type=Path, required=True, help="a service account's JSON")
    add("--origins", nargs="*", default=[], help="for CORS, exact")
    args = parser.parse_args()
    signer = signer_from_key(args.key.read_text(encoding="utf-8"))
    with running_storage(
        args.folder, signer, origins=args.origins, port=args.port
    ) as server:
        run_until_signal({"address": server.address})


if __name__ == "__main__":
    main()
