"""The one machine's Cloud Storage: an HTTP server and its command line.

`STORAGE_EMULATOR_HOST=http://127.0.0.1:PORT` makes the real client library use it.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from werkzeug import Request, Response

from local.emulators.cloud_storage import json_api
from local.emulators.cloud_storage.cors import CORS_FILE, Cors
from local.emulators.cloud_storage.errors import Refused
from local.emulators.cloud_storage.json_api import JsonApi
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.signatures import Signer, signer_from_key
from local.emulators.cloud_storage.xml_api import XmlApi
from local.faults import FaultPlan
from local.faults_control import faults_control
from local.http_server import HttpServer, WsgiApp, run_until_signal


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """`origins` are those of the pages that may use the bucket, such as
    http://127.0.0.1:8080; `port` 0 takes a free one."""

    folder: Path
    signer: Signer
    origins: Sequence[str] = ()
    port: int = 0
    cors_file: Path = CORS_FILE
    now: Callable[[], datetime] = utc_now


@dataclass(frozen=True, slots=True)
class RunningStorage:
    address: str
    store: ObjectStore
    faults: FaultPlan


@contextmanager
def running_storage(settings: StorageSettings) -> Iterator[RunningStorage]:
    """Serve in this process until the block ends; connections end with it."""
    store, faults = ObjectStore(settings.folder, settings.now), FaultPlan()
    cors = Cors.load(settings.cors_file, settings.origins)
    json = JsonApi(store=store, faults=faults, cors=cors)
    xml = XmlApi(
        store=store, faults=faults, cors=cors, signer=settings.signer, now=settings.now
    )

    @Request.application
    def app(request: Request) -> Response:
        if request.path == "/_control/faults":
            return faults_control(faults, request)
        return (json if request.path.startswith(json_api.PATHS) else xml)(request)

    wsgi, origins = cast(WsgiApp, app), settings.origins
    with HttpServer(wsgi, port=settings.port, origins=origins) as server:
        yield RunningStorage(server.url, store, faults)


def main(arguments: Sequence[str]) -> None:
    """`python -m local.emulators.storage`: one JSON line once it is up."""
    options = _options(arguments)
    settings = StorageSettings(
        folder=options.folder,
        signer=signer_from_key(options.key.read_text(encoding="utf-8")),
        origins=options.origins,
        port=options.port,
    )
    with running_storage(settings) as server:
        for name in options.bucket:
            with suppress(Refused):  # it was made by an earlier run
                server.store.create_bucket(name)
        run_until_signal({"address": server.address})


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.emulators.storage")
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--folder", type=Path, required=True, help="objects on disk")
    add("--key", type=Path, required=True, help="a service account's JSON")
    add("--origins", nargs="*", default=[], help="for CORS, exact")
    add("--bucket", action="append", default=[], help="made if it isn't there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
