"""The JSON API, as the client libraries speak it: buckets, objects, media, uploads."""

import base64
import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

from werkzeug import Request, Response

from local.emulators.cloud_storage.cors import Cors
from local.emulators.cloud_storage.errors import Refusal, Refused
from local.emulators.cloud_storage.media import (
    declared_in,
    download,
    number,
    parts,
    pieces,
    under_faults,
)
from local.emulators.cloud_storage.objects import (
    Checksums,
    ObjectStore,
    StoredObject,
    Upload,
    require_generation,
)
from local.emulators.cloud_storage.resumable import Sessions
from local.fault_kinds import Place
from local.faults import FaultPlan
from local.http_server import as_json

PATHS = ("/storage/v1/", "/upload/storage/v1/", "/download/storage/v1/")
_BUCKET = r"/storage/v1/b/(?P<bucket>[^/]+)"
_OBJECT = _BUCKET + r"/o/(?P<name>[^/]+)"
_TARGET = r"/(?:copyTo|rewriteTo)/b/(?P<to_bucket>[^/]+)/o/(?P<to_name>[^/]+)"
_ROUTES = (
    ("POST", "/storage/v1/b", Place.BUCKET, "_create_bucket"),
    ("GET", _BUCKET, Place.BUCKET, "_get_bucket"),
    ("GET", _BUCKET + "/o", Place.LIST, "_list"),
    ("GET", "(?:/download)?" + _OBJECT, Place.GET, "_get"),
    ("DELETE", _OBJECT, Place.DELETE, "_delete"),
    ("POST", _OBJECT + _TARGET, Place.COPY, "_copy"),
    ("POST", "/upload" + _BUCKET + "/o", Place.UPLOAD, "_upload"),
    ("PUT", "/upload" + _BUCKET + "/o", Place.UPLOAD, "_upload_part"),
    ("DELETE", "/upload" + _BUCKET + "/o", Place.DELETE, "_cancel"),
)
# Preconditions that Cloud Storage has and this server doesn't: refused, not ignored.
_UNKNOWN_CONDITIONS = re.compile(r"if(Source)?(Metageneration|GenerationNotMatch)")
_ATTRIBUTES = (
    "contentType",
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "metadata",
)
_LARGEST_PAGE = 1000
_Names = Mapping[str, str]


class JsonApi:
    """No credentials are asked for: the local server stands for IAM as well."""

    def __init__(self, *, store: ObjectStore, faults: FaultPlan, cors: Cors) -> None:
        self._store, self._faults, self._cors = store, faults, cors
        self._sessions = Sessions(store)

    def __call__(self, request: Request) -> Response:
        try:
            return self._dispatch(request)
        except Refused as error:
            return error.as_json()

    def _dispatch(self, request: Request) -> Response:
        if any(map(_UNKNOWN_CONDITIONS.match, request.args)):
            raise Refused(Refusal.NOT_IMPLEMENTED)
        raw = request.environ["RAW_URI"].partition("?")[0]
        matches = [(r, re.fullmatch(r[1], raw)) for r in _ROUTES]
        known = [(route, found) for route, found in matches if found]
        for (method, _, place, name), found in known:
            if method == request.method:
                names = {k: unquote(v) for k, v in found.groupdict().items()}
                work = partial(getattr(self, name), request, names)
                return under_faults(self._faults, _place(place, request), request, work)
        raise Refused(Refusal.WRONG_METHOD if known else Refusal.NOT_IMPLEMENTED)

    def _create_bucket(self, request: Request, _: _Names) -> Response:
        name = str(_json_of(request).get("name"))
        self._store.create_bucket(name)
        return as_json(self._bucket(name))

    def _get_bucket(self, _: Request, names: _Names) -> Response:
        self._store.require_bucket(names["bucket"])
        return as_json(self._bucket(names["bucket"]))

    def _bucket(self, name: str) -> dict[str, Any]:
        return {
            "kind": "storage#bucket",
            "id": name,
            "name": name,
            "location": "US",
            "storageClass": "STANDARD",
            "cors": self._cors.entries,
        }

    def _list(self, request: Request, names: _Names) -> Response:
        """`prefix`, `delimiter`, `maxResults` and `pageToken` count."""
        prefix = request.args.get("prefix", "")
        delimiter = request.args.get("delimiter") or "\0"
        entries: dict[str, StoredObject | None] = {}
        for stored in self._store.objects(names["bucket"], prefix):
            head, found, _ = stored.name[len(prefix) :].partition(delimiter)
            entries[prefix + head + found] = None if found else stored
        after = base64.urlsafe_b64decode(request.args.get("pageToken", "")).decode()
        left = [name for name in entries if name.encode() > after.encode()]
        limit = number(request.args.get("maxResults")) or _LARGEST_PAGE
        shown = left[: min(limit, _LARGEST_PAGE)]
        items = [_resource(o, request) for name in shown if (o := entries[name])]
        page = {
            "kind": "storage#objects",
            "items": items,
            "prefixes": [name for name in shown if entries[name] is None],
            "nextPageToken": base64.urlsafe_b64encode(shown[-1].encode()).decode()
            if len(left) > len(shown)
            else None,
        }
        return as_json({key: value for key, value in page.items() if value})

    def _get(self, request: Request, names: _Names) -> Response:
        wanted = number(request.args.get("ifGenerationMatch"))
        if request.args.get("alt") == "media":
            where = (names["bucket"], names["name"])
            return download(self._store, *where, request, wanted)
        stored = self._found(names, request)
        require_generation(wanted, stored)
        return as_json(_resource(stored, request))

    def _delete(self, request: Request, names: _Names) -> Response:
        wanted = number(request.args.get("ifGenerationMatch"))
        self._store.delete(self._found(names, request), generation_match=wanted)
        return Response(status=204)

    def _copy(self, request: Request, names: _Names) -> Response:
        """`rewriteTo` is done in one go: there is never a token to come back with."""
        source = self._found(names, request, "sourceGeneration")
        require_generation(number(request.args.get("ifSourceGenerationMatch")), source)
        given = _json_of(request) | {"name": names["to_name"]}
        new = self._store.copy(source, _upload(names["to_bucket"], request, given))
        resource = _resource(new, request)
        if "/copyTo/" in request.path:
            return as_json(resource)
        size = str(new.size_bytes)
        return as_json(
            {
                "kind": "storage#rewriteResponse",
                "totalBytesRewritten": size,
                "objectSize": size,
                "done": True,
                "resource": resource,
            }
        )

    def _upload(self, request: Request, names: _Names) -> Response:
        match request.args.get("uploadType"):
            case "media":
                resource: dict[str, Any] = {"contentType": request.content_type}
                content = b"".join(pieces(request))
            case "multipart":
                resource, content = _multipart(request)
            case "resumable":
                return self._begin_resumable(request, names)
            case other:
                raise Refused(Refusal.INVALID, f"uploadType {other}")
        upload = _upload(names["bucket"], request, resource)
        self._store.check(upload)
        return as_json(_resource(self._store.put(upload, content), request))

    def _begin_resumable(self, request: Request, names: _Names) -> Response:
        media_type = request.headers.get("x-upload-content-type")
        resource = {"contentType": media_type, **_json_of(request)}
        upload = _upload(names["bucket"], request, resource)
        total = number(request.headers.get("x-upload-content-length"))
        upload_id = self._sessions.begin(upload, total)
        query = f"uploadType=resumable&upload_id={upload_id}"
        response = Response(status=200)
        response.headers["Location"] = f"{request.base_url}?{query}"
        return response

    def _upload_part(self, request: Request, _: _Names) -> Response:
        got = self._sessions.put(request.args.get("upload_id", ""), request)
        if isinstance(got, StoredObject):
            return as_json(_resource(got, request))
        response = Response(status=308)
        if got:
            response.headers["Range"] = f"bytes=0-{got - 1}"
        return response

    def _cancel(self, request: Request, _: _Names) -> Response:
        """499 is how the service says that an upload was cancelled."""
        self._sessions.cancel(request.args.get("upload_id", ""))
        return Response(status=499)

    def _found(
        self, names: _Names, request: Request, generation: str = "generation"
    ) -> StoredObject:
        wanted = number(request.args.get(generation))
        return self._store.find(names["bucket"], names["name"], wanted)


def _place(place: Place, request: Request) -> Place:
    if request.method == "POST" and request.args.get("uploadType") == "resumable":
        return Place.START_UPLOAD
    is_download = place is Place.GET and request.args.get("alt") == "media"
    return Place.DOWNLOAD if is_download else place


def _multipart(request: Request) -> tuple[dict[str, Any], bytes]:
    """`uploadType=multipart`: a part of JSON, then a part of media."""
    try:
        (_, metadata), (media_type, content) = parts(request)
    except ValueError as error:
        raise Refused(Refusal.INVALID, "Malformed multipart body") from error
    return {"contentType": media_type, **_parsed(metadata)}, content


def _json_of(request: Request) -> dict[str, Any]:
    return _parsed(b"".join(pieces(request)))


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content or b"{}")
    except ValueError as error:
        raise Refused(Refusal.INVALID, "Parse error") from error
    if not isinstance(parsed, dict):
        raise Refused(Refusal.INVALID, "Parse error")
    return parsed


def _upload(bucket: str, request: Request, resource: dict[str, Any]) -> Upload:
    name = resource.get("name") or request.args.get("name")
    if not isinstance(name, str):
        raise Refused(Refusal.INVALID, "Required: name")
    declared = declared_in(request)
    return Upload(
        bucket=bucket,
        name=name,
        attributes={k: resource[k] for k in _ATTRIBUTES if resource.get(k)},
        declared=Checksums(
            crc32c=declared.crc32c or resource.get("crc32c"),
            md5=declared.md5 or resource.get("md5Hash"),
        ),
        generation_match=number(request.args.get("ifGenerationMatch")),
    )


def _resource(stored: StoredObject, request: Request) -> dict[str, Any]:
    """https://cloud.google.com/storage/docs/json_api/v1/objects#resource."""
    path = f"storage/v1/b/{stored.bucket}/o/{quote(stored.name, safe='~')}"
    media = f"download/{path}?generation={stored.generation}&alt=media"
    return {
        "kind": "storage#object",
        "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
        "selfLink": request.host_url + path,
        "mediaLink": request.host_url + media,
        "name": stored.name,
        "bucket": stored.bucket,
        "generation": str(stored.generation),
        "metageneration": "1",
        "storageClass": "STANDARD",
        "size": str(stored.size_bytes),
        "md5Hash": stored.md5,
        "crc32c": stored.crc32c,
        "etag": base64.b64encode(str(stored.generation).encode()).decode(),
        "timeCreated": stored.created_at,
        "updated": stored.created_at,
        **stored.attributes,
        "contentType": stored.content_type,
    }
