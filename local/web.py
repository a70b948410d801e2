"""Serves a folder of static files to a browser on this machine."""

from pathlib import Path
from typing import cast

from werkzeug import Request, Response
from werkzeug.utils import send_from_directory

from local.http_server import HttpServer, WsgiApp


def folder_server(folder: Path, *, port: int = 0) -> HttpServer:
    @Request.application
    def app(request: Request) -> Response:
        name = request.path.lstrip("/") or "index.html"
        return send_from_directory(folder, name, request.environ)

    return HttpServer(cast(WsgiApp, app), port=port)
