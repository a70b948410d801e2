"""The JSON API, as the client libraries speak it: buckets, objects, media, uploads."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from local.emulators.cloud_storage.cors import Cors
from local.emulators.cloud_storage.downloads import (
    download,
    json_conditions,
    object_resource,
)
from local.emulators.cloud_storage.errors import (
    Refusal,
    StorageRefusedError,
    error_json,
)
from local.emulators.cloud_storage.faults import (
    FaultPlan,
    Operation,
)
from local.emulators.cloud_storage.http import (
    Reply,
    Request,
)
from local.emulators.cloud_storage.listing import list_page
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.records import (
    Attributes,
    ObjectKey,
    StoredObject,
    UploadIntent,
)
from local.emulators.cloud_storage.resumable import (
    Persisted,
    Sessions,
)
from local.emulators.cloud_storage.uploads import (
    intent_from_json,
    read_json,
    upload_multipart,
    upload_plain,
)

_Names = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    method: str
    path: re.Pattern[str]
    op: Operation
    work: Callable[[Request, _Names], Reply]


class JsonApi:
    """No credentials are asked for: the local server stands for IAM as well."""

    def __init__(self, *, store: ObjectStore, faults: FaultPlan, cors: Cors) -> None:
        self._store = store
        self._faults = faults
        self._cors = cors
        self._sessions = Sessions(store)
        self._routes = self._table()

    def handle(self, request: Request) -> Reply:
        try:
            return self._dispatch(request)
        except StorageRefusedError as error:
            body = error_json(error) if error.status != 304 else None
            return json_reply(body, status=error.status)

    def close(self) -> None:
        self._sessions.close()

    def _dispatch(self, request: Request) -> Reply:
        route, names = self._match(request)
        op = _operation(route, request)
        return self._faults.run(op, request.body, lambda: route.work(request, names))

    def _match(self, request: Request) -> tuple[_Route, _Names]:
        fitting = [(r, r.path.fullmatch(request.path)) for r in self._routes]
        known = [(route, found) for route, found in fitting if found]
        for route, found in known:
            if route.method == request.method:
                return route, {k: unquote(v) for k, v in found.groupdict().items()}
        raise StorageRefusedError(
            Refusal.WRONG_METHOD if known else Refusal.NOT_IMPLEMENTED
        )

    def _table(self) -> tuple[_Route, ...]:
        bucket = r"/storage/v1/b/(?P<bucket>[^/]+)"
        one = bucket + r"/o/(?P<name>[^/]+)"
        target = r"/(?:copyTo|rewriteTo)/b/(?P<to_bucket>[^/]+)/o/(?P<to_name>[^/]+)"
        table = (
            ("POST", "/storage/v1/b", Operation.BUCKET, self._create_bucket),
            ("GET", "/storage/v1/b", Operation.BUCKET, self._list_buckets),
            ("GET", bucket, Operation.BUCKET, self._get_bucket),
            ("PATCH", bucket, Operation.BUCKET, self._patch_bucket),
            ("DELETE", bucket, Operation.BUCKET, self._delete_bucket),
            ("GET", bucket + "/o", Operation.LIST, self._list_objects),
            ("GET", one, Operation.GET, self._get_object),
            ("GET", "/download" + one, Operation.DOWNLOAD, self._download),
            ("PATCH", one, Operation.PATCH, self._patch_object),
            ("PUT", one, Operation.PATCH, self._replace_attributes),
            ("DELETE", one, Operation.DELETE, self._delete_object),
            ("POST", one + target, Operation.COPY, self._copy),
            ("POST", "/upload" + bucket + "/o", Operation.UPLOAD, self._upload),
            ("PUT", "/upload" + bucket + "/o", Operation.UPLOAD, self._upload_part),
            ("DELETE", "/upload" + bucket + "/o", Operation.DELETE, self._cancel),
        )
        return tuple(
            _Route(method=method, path=re.compile(path), op=op, work=work)
            for method, path, op, work in table
        )

    def _create_bucket(self, request: Request, _: _Names) -> Reply:
        resource = read_json(request)
        created = self._store.create_bucket(str(resource.get("name")), resource)
        return json_reply(self._bucket_resource(created))

    def _list_buckets(self, _request: Request, _: _Names) -> Reply:
        items = [self._bucket_resource(one) for one in self._store.buckets()]
        return json_reply({"kind": "storage#buckets", "items": items})

    def _get_bucket(self, _: Request, names: _Names) -> Reply:
        return json_reply(self._bucket_resource(self._store.bucket(names["bucket"])))

    def _patch_bucket(self, request: Request, names: _Names) -> Reply:
        new = self._store.patch_bucket(names["bucket"], read_json(request))
        return json_reply(self._bucket_resource(new))

    def _delete_bucket(self, _: Request, names: _Names) -> Reply:
        self._store.delete_bucket(names["bucket"])
        return Reply(status=204)

    def _list_objects(self, request: Request, names: _Names) -> Reply:
        page = list_page(self._store.objects(names["bucket"]), request)
        found = {
            "kind": "storage#objects",
            "items": [object_resource(o, request.base_url) for o in page.objects],
            "prefixes": list(page.prefixes),
            "nextPageToken": page.next_token,
        }
        return json_reply({key: value for key, value in found.items() if value})

    def _get_object(self, request: Request, names: _Names) -> Reply:
        if request.query.get("alt") == "media":
            return self._download(request, names)
        found = self._store.get(_key(names), request.query_number("generation"))
        json_conditions(request).require_for_read(found)
        return _object_reply(found, request)

    def _download(self, request: Request, names: _Names) -> Reply:
        return download(self._store, _key(names), request, json_conditions(request))

    def _patch_object(self, request: Request, names: _Names) -> Reply:
        change = read_json(request)
        new = self._store.patch(
            _key(names), json_conditions(request), lambda old: old.patched(change)
        )
        return _object_reply(new, request)

    def _replace_attributes(self, request: Request, names: _Names) -> Reply:
        attributes = Attributes.from_json(read_json(request))
        new = self._store.patch(
            _key(names), json_conditions(request), lambda _: attributes
        )
        return _object_reply(new, request)

    def _delete_object(self, request: Request, names: _Names) -> Reply:
        generation = request.query_number("generation")
        self._store.delete(_key(names), generation, json_conditions(request))
        return Reply(status=204)

    def _copy(self, request: Request, names: _Names) -> Reply:
        """`rewriteTo` is done in one go: there is never a token to come back with."""
        source = self._store.get(_key(names), request.query_number("sourceGeneration"))
        given = Attributes.from_json(read_json(request))
        intent = UploadIntent(
            key=ObjectKey(bucket=names["to_bucket"], name=names["to_name"]),
            attributes=source.attributes if given.is_empty else given,
            conditions=json_conditions(request),
        )
        new = self._store.copy(source, intent, json_conditions(request, "ifSource"))
        if "/copyTo/" in request.path:
            return _object_reply(new, request)
        return json_reply(_rewrite_resource(new, request))

    def _upload(self, request: Request, names: _Names) -> Reply:
        match request.query.get("uploadType"):
            case "media":
                new = upload_plain(self._store, names["bucket"], request)
            case "multipart":
                new = upload_multipart(self._store, names["bucket"], request)
            case "resumable":
                return self._begin_resumable(request, names)
            case other:
                raise StorageRefusedError(Refusal.INVALID, f"uploadType {other}")
        return _object_reply(new, request)

    def _begin_resumable(self, request: Request, names: _Names) -> Reply:
        media_type = request.headers.get("x-upload-content-type")
        resource = {"contentType": media_type, **read_json(request)}
        intent = intent_from_json(names["bucket"], request, resource)
        total = request.header_number("x-upload-content-length")
        upload_id = self._sessions.begin(intent, total)
        query = f"uploadType=resumable&upload_id={upload_id}"
        location = f"{request.base_url}{request.path}?{query}"
        return Reply(status=200, headers={"Location": location})

    def _upload_part(self, request: Request, _: _Names) -> Reply:
        match self._sessions.put(request.query.get("upload_id", ""), request):
            case StoredObject() as new:
                return _object_reply(new, request)
            case Persisted(size_bytes=0):
                return Reply(status=308)
            case Persisted(size_bytes=size):
                return Reply(status=308, headers={"Range": f"bytes=0-{size - 1}"})

    def _cancel(self, request: Request, _: _Names) -> Reply:
        """499 is how the service says that an upload was cancelled."""
        self._sessions.cancel(request.query.get("upload_id", ""))
        return Reply(status=499)

    def _bucket_resource(self, resource: dict[str, Any]) -> dict[str, Any]:
        named = {"kind": "storage#bucket", "id": resource["name"]}
        defaults = {"location": "US", "storageClass": "STANDARD"}
        return {**defaults, **resource, **named, "cors": self._cors.to_json()}


def json_reply(content: object, *, status: int = 200) -> Reply:
    """`content` None is no body at all."""
    return Reply(
        status=status,
        headers={"Content-Type": "application/json; charset=UTF-8"},
        content=b"" if content is None else json.dumps(content).encode(),
    )


def _operation(route: _Route, request: Request) -> Operation:
    if request.query.get("uploadType") == "resumable" and request.method == "POST":
        return Operation.START_UPLOAD
    return Operation.DOWNLOAD if request.query.get("alt") == "media" else route.op


def _key(names: _Names) -> ObjectKey:
    return ObjectKey(bucket=names["bucket"], name=names["name"])


def _object_reply(stored: StoredObject, request: Request) -> Reply:
    return json_reply(object_resource(stored, request.base_url))


def _rewrite_resource(new: StoredObject, request: Request) -> dict[str, Any]:
    size = str(new.size_bytes)
    return {
        "kind": "storage#rewriteResponse",
        "totalBytesRewritten": size,
        "objectSize": size,
        "done": True,
        "resource": object_resource(new, request.base_url),
    }
