"""The part of the JSON API that our code uses through the client library.

Metadata, media, lists, copies, deletes, and uploads, in one request or resumable.
"""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from werkzeug import Request, Response

from local.emulators.cloud_storage.errors import Refusal, Refused
from local.emulators.cloud_storage.media import download, number, pieces, under_faults
from local.emulators.cloud_storage.objects import ObjectStore, StoredObject, Upload
from local.emulators.cloud_storage.resumable import Sessions
from local.fault_kinds import Place
from local.faults import FaultPlan
from local.http_server import as_json

PATHS = ("/storage/v1/", "/upload/storage/v1/", "/download/storage/v1/")
_OBJECTS = r"/storage/v1/b/(?P<bucket>[^/]+)/o"
_OBJECT = _OBJECTS + r"/(?P<name>[^/]+)"
_ROUTES = (
    ("GET", _OBJECTS, Place.LIST, "_list"),
    ("GET", "(?:/download)?" + _OBJECT, Place.GET, "_get"),
    ("DELETE", _OBJECT, Place.DELETE, "_delete"),
    ("POST", _OBJECT + r"/rewriteTo/b/[^/]+/o/(?P<to>[^/]+)", Place.COPY, "_rewrite"),
    ("POST", "/upload" + _OBJECTS, Place.START_UPLOAD, "_start_upload"),
    ("PUT", "/upload" + _OBJECTS, Place.UPLOAD, "_upload_part"),
)
_Names = Mapping[str, str]


class JsonApi:
    """Checks no credentials: there is no IAM locally."""

    def __init__(self, bucket: str, store: ObjectStore, faults: FaultPlan) -> None:
        self._bucket, self._store, self._faults = bucket, store, faults
        self._sessions = Sessions(store)

    def __call__(self, request: Request) -> Response:
        try:
            return self._dispatch(request)
        except Refused as error:
            return error.as_json()

    def _dispatch(self, request: Request) -> Response:
        # Preconditions that are not implemented here are refused, not ignored.
        if any(a.startswith("if") and a != "ifGenerationMatch" for a in request.args):
            raise Refused(Refusal.NOT_IMPLEMENTED)
        raw = request.environ["RAW_URI"].partition("?")[0]
        for method, pattern, place, view in _ROUTES:
            found = re.fullmatch(pattern, raw)
            if found and method == request.method:
                names = {k: unquote(v) for k, v in found.groupdict().items()}
                if names["bucket"] != self._bucket:
                    raise Refused(Refusal.NO_BUCKET)
                if place is Place.GET and request.args.get("alt") == "media":
                    place = Place.DOWNLOAD
                if request.args.get("uploadType") == "multipart":
                    place, view = Place.UPLOAD, "_upload_whole"
                work = partial(getattr(self, view), request, names)
                return under_faults(self._faults, place, request, work)
        raise Refused(Refusal.NOT_IMPLEMENTED)

    def _list(self, request: Request, _: _Names) -> Response:
        """All on one page, whatever size the client wants."""
        found = self._store.objects(request.args.get("prefix", ""))
        return as_json({"items": [self._resource(each) for each in found]})

    def _get(self, request: Request, names: _Names) -> Response:
        if request.args.get("alt") == "media":
            return download(self._store, names["name"], request)
        wanted = number(request.args.get("generation"))
        return as_json(self._resource(self._store.find(names["name"], wanted)))

    def _delete(self, request: Request, names: _Names) -> Response:
        self._store.delete(names["name"], generation_match=_match(request))
        return Response(status=204)

    def _rewrite(self, request: Request, names: _Names) -> Response:
        """Copies in one request, so there is never a rewrite token."""
        generation = number(request.args.get("sourceGeneration"))
        source = self._store.find(names["name"], generation)
        target = Upload(
            name=names["to"],
            content_type=source.content_type,
            content_encoding=source.content_encoding,
            generation_match=_match(request),
        )
        new = self._store.copy(source, target)
        size = str(new.size_bytes)
        return as_json(
            {
                "totalBytesRewritten": size,
                "objectSize": size,
                "done": True,
                "resource": self._resource(new),
            }
        )

    def _start_upload(self, request: Request, _: _Names) -> Response:
        resource = json.loads(b"".join(pieces(request)) or b"{}")
        upload = Upload(
            name=resource.get("name") or request.args.get("name", ""),
            content_type=request.headers["x-upload-content-type"],
            generation_match=_match(request),
        )
        query = f"uploadType=resumable&upload_id={self._sessions.begin(upload)}"
        return Response(headers={"Location": f"{request.base_url}?{query}"})

    def _upload_whole(self, request: Request, _: _Names) -> Response:
        resource, content_type, content = _parts(request)
        upload = Upload(
            name=resource["name"],
            content_type=content_type,
            generation_match=_match(request),
        )
        return as_json(self._resource(self._store.put(upload, content)))

    def _upload_part(self, request: Request, _: _Names) -> Response:
        got = self._sessions.put(request.args.get("upload_id", ""), request)
        if isinstance(got, StoredObject):
            return as_json(self._resource(got))
        return Response(
            status=308, headers={"Range": f"bytes=0-{got - 1}"} if got else {}
        )

    def _resource(self, stored: StoredObject) -> dict[str, Any]:
        """https://cloud.google.com/storage/docs/json_api/v1/objects#resource."""
        return {
            "name": stored.name,
            "bucket": self._bucket,
            "generation": str(stored.generation),
            "size": str(stored.size_bytes),
            "crc32c": stored.crc32c,
            "timeCreated": stored.created_at,
            "contentType": stored.content_type,
        }


def _parts(request: Request) -> tuple[dict[str, Any], str, bytes]:
    """The metadata, content type and content of a multipart upload."""
    separator = f"\r\n--{request.mimetype_params.get('boundary')}".encode()
    _, first, second, _ = (b"\r\n" + b"".join(pieces(request))).split(separator)
    metadata = json.loads(first.partition(b"\r\n\r\n")[2])
    head, _, content = second.partition(b"\r\n\r\n")
    return metadata, head.decode().partition(":")[2].strip(), content


def _match(request: Request) -> int | None:
    return number(request.args.get("ifGenerationMatch"))
