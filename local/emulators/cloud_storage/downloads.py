"""How an object's bytes and description go out, for both of the APIs."""

import base64
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote

from local.emulators.cloud_storage.errors import (
    Refusal,
    StorageRefusedError,
)
from local.emulators.cloud_storage.http import (
    ByteRange,
    FileSlice,
    Reply,
    Request,
    parse_range,
)
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.records import (
    ObjectKey,
    Preconditions,
    StoredObject,
)

_PLAIN_HEADERS = {
    "cacheControl": "Cache-Control",
    "contentDisposition": "Content-Disposition",
    "contentEncoding": "Content-Encoding",
    "contentLanguage": "Content-Language",
}


def object_resource(stored: StoredObject, base_url: str) -> dict[str, Any]:
    """https://cloud.google.com/storage/docs/json_api/v1/objects#resource."""
    key = stored.key
    path = f"storage/v1/b/{key.bucket}/o/{quote(key.name, safe='~')}"
    media = f"{base_url}/download/{path}?generation={stored.generation}&alt=media"
    return {
        "kind": "storage#object",
        "id": f"{key.bucket}/{key.name}/{stored.generation}",
        "selfLink": f"{base_url}/{path}",
        "mediaLink": media,
        "name": key.name,
        "bucket": key.bucket,
        "generation": str(stored.generation),
        "metageneration": str(stored.metageneration),
        "contentType": stored.content_type,
        "storageClass": "STANDARD",
        "size": str(stored.size_bytes),
        "md5Hash": stored.md5,
        "crc32c": stored.crc32c,
        "etag": stored.etag,
        "timeCreated": _rfc3339(stored.created_at),
        "updated": _rfc3339(stored.updated_at),
        **stored.attributes.to_json(),
    }


def json_conditions(request: Request, prefix: str = "if") -> Preconditions:
    """`ifGenerationMatch` and its kin; prefix `ifSource` for a copy's source."""
    return Preconditions(
        generation_match=request.query_number(f"{prefix}GenerationMatch"),
        generation_not_match=request.query_number(f"{prefix}GenerationNotMatch"),
        metageneration_match=request.query_number(f"{prefix}MetagenerationMatch"),
        metageneration_not_match=request.query_number(
            f"{prefix}MetagenerationNotMatch"
        ),
    )


def header_conditions(request: Request) -> Preconditions:
    return Preconditions(
        generation_match=request.header_number("x-goog-if-generation-match"),
        metageneration_match=request.header_number("x-goog-if-metageneration-match"),
    )


def xml_etag(stored: StoredObject) -> str:
    return f'"{base64.b64decode(stored.md5).hex()}"'


def version_headers(stored: StoredObject) -> dict[str, str]:
    """What the client libraries check a transfer with."""
    return {
        "ETag": xml_etag(stored),
        "x-goog-generation": str(stored.generation),
        "x-goog-metageneration": str(stored.metageneration),
        "x-goog-hash": f"crc32c={stored.crc32c},md5={stored.md5}",
        "x-goog-stored-content-length": str(stored.size_bytes),
        "x-goog-stored-content-encoding": "identity",
    }


def download(
    store: ObjectStore, key: ObjectKey, request: Request, conditions: Preconditions
) -> Reply:
    """200, 206 or a refusal; `generation`, Range, If-Match and If-None-Match count."""
    stored, file = store.open(key, request.query_number("generation"))
    try:
        conditions.require_for_read(stored)
        _require_etags(stored, request)
        return _media_reply(stored, file, request)
    except StorageRefusedError as error:
        file.close()
        if error.refusal is Refusal.BAD_RANGE:
            return _unsatisfiable(stored)
        raise


def _media_reply(stored: StoredObject, file: BinaryIO, request: Request) -> Reply:
    asked = _asked_range(stored, request)
    part = asked or ByteRange(start=0, end=stored.size_bytes)
    span = f"bytes {part.start}-{part.end - 1}/{stored.size_bytes}"
    return Reply(
        status=206 if asked else 200,
        headers={
            **_media_headers(stored),
            **({"Content-Range": span} if asked else {}),
        },
        content=FileSlice(file=file, start=part.start, length=part.end - part.start),
    )


def _asked_range(stored: StoredObject, request: Request) -> ByteRange | None:
    if request.headers.get("if-range", xml_etag(stored)) != xml_etag(stored):
        return None
    return parse_range(request.headers.get("range"), stored.size_bytes)


def _media_headers(stored: StoredObject) -> dict[str, str]:
    plain = stored.attributes.plain
    return {
        "Cache-Control": "private, max-age=0",
        **{_PLAIN_HEADERS[k]: v for k, v in plain.items() if k in _PLAIN_HEADERS},
        **{f"x-goog-meta-{k}": v for k, v in stored.attributes.custom.items()},
        "Content-Type": stored.content_type,
        "Last-Modified": stored.updated_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "Accept-Ranges": "bytes",
        **version_headers(stored),
    }


def _require_etags(stored: StoredObject, request: Request) -> None:
    if not _names_etag(request.headers.get("if-match", "*"), stored):
        raise StorageRefusedError(Refusal.PRECONDITION)
    if _names_etag(request.headers.get("if-none-match", ""), stored):
        raise StorageRefusedError(Refusal.NOT_MODIFIED)


def _names_etag(header: str, stored: StoredObject) -> bool:
    names = {part.strip().removeprefix("W/") for part in header.split(",")}
    return bool(names & {"*", xml_etag(stored), stored.etag})


def _unsatisfiable(stored: StoredObject) -> Reply:
    return Reply(
        status=416,
        headers={
            "Content-Range": f"bytes */{stored.size_bytes}",
            "Content-Type": "text/html",
        },
        content=b"Requested range not satisfiable",
    )


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
