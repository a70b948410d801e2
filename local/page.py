"""The web page's local server: the built page, its configuration, development users.

It signs tokens of `USERS`, which the local api accepts, for its own page only: foreign
hosts and pages of other origins are refused. web/README.md says what the page expects.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import NotFound
from werkzeug.utils import send_from_directory

from local.http_server import HttpServer, application, as_json
from local.identity import user_token
from ops.page_headers import on_one_machine

# The user whose token `make dev` prints, and whom the README's examples use.
DEFAULT_USER = "me"
USERS = (
    {"id": "min-ji", "name": {"en": "Min-ji", "ko": "민지"}, "admin": False},
    {"id": "jun-ho", "name": {"en": "Jun-ho", "ko": "준호"}, "admin": False},
    {"id": "seo-yeon", "name": {"en": "Seo-yeon", "ko": "서연"}, "admin": True},
    {
        "id": DEFAULT_USER,
        "name": {"en": DEFAULT_USER, "ko": DEFAULT_USER},
        "admin": False,
    },
)
NOT_BUILT = "The page is not built yet: run make web, then load this again.\n"
_ENTRY = "index.html"
_FILES = "assets/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`folder`: the built page. `addresses`: of the stack's parts, by name.

    `simulated`: whether simulators make the videos, so that nothing is paid.
    """

    project: str
    addresses: Mapping[str, str]
    folder: Path
    simulated: bool = False

    def server(self, *, port: int = 0, origins: Collection[str] = ()) -> HttpServer:
        headers = self._headers()

        def view(request: Request) -> Response:
            response = self._respond(request)
            response.headers.update(headers)
            return response

        return HttpServer(application(view), port=port, origins=origins)

    def config(self) -> dict[str, Any]:
        """The page's config.json (web/README.md)."""
        return {
            "api": self.addresses["api"],
            "project": self.project,
            "firebase": None,
            "signIn": [],
            "emulators": {"firestore": self.addresses["firestore"], "auth": None},
            "developmentUsers": USERS,
            "simulated": self.simulated,
        }

    def _respond(self, request: Request) -> Response:
        match request.method, request.path:
            case "GET", "/config.json":
                return as_json(self.config())
            case "POST", "/development/token":
                return self._token(request)
            case "GET" | "HEAD", path:
                return self._file(request, path.lstrip("/") or _ENTRY)
            case _:
                return as_json({"error": "not_found"}, status=404)

    def _token(self, request: Request) -> Response:
        body = request.get_json(force=True, silent=True)
        name = body.get("user") if isinstance(body, dict) else None
        user = next((user for user in USERS if user["id"] == name), None)
        if user is None:
            return as_json({"error": "unknown_user"}, status=400)
        uid, admin = str(user["id"]), bool(user["admin"])
        token = user_token(self.project, uid, admin=admin)
        return as_json({"token": token})

    def _file(self, request: Request, name: str) -> Response:
        """A path without a file is one of the page's views."""
        try:
            return self._read(request, name)
        except NotFound:
            if name.startswith(_FILES) or not (self.folder / _ENTRY).is_file():
                return Response(NOT_BUILT, status=404)
        return self._read(request, _ENTRY)

    def _read(self, request: Request, name: str) -> Response:
        """Read it at once: werkzeug leaves a file open if the browser hangs up."""
        response = send_from_directory(self.folder, name, request.environ)
        response.direct_passthrough = False
        response.make_sequence()
        response.close()
        return response

    def _headers(self) -> dict[str, str]:
        parts = self.addresses
        storage = parts["storage"]
        connectable = [parts["api"], f"http://{parts['firestore']}", storage]
        sources = {
            "img-src": [storage],
            "media-src": [storage],
            "connect-src": connectable,
        }
        return {**on_one_machine(sources), "Cache-Control": "no-cache"}
