"""Firestore's reads and commits as they go over the wire, in plain protobuf.

google-cloud-firestore builds each value twice, once in a wrapper of Python and once in
protobuf, and wraps each call four times: nine tenths of what a commit of ours cost. So
documents are written into protobuf's own messages here, and sent by the library's own
channel. `tests/gcp/test_firestore_wire.py` holds each write to the library's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Final

import grpc
from google.api_core import exceptions, gapic_v1
from google.cloud import firestore
from google.cloud.firestore_v1.field_path import FieldPath
from google.cloud.firestore_v1.types import firestore as messages
from google.cloud.firestore_v1.types import write as writes
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Struct

Record = Mapping[str, Any]
Reference = Any
Write = Any
# The classes of protobuf itself, below those that the library wraps around them.
_CommitRequest: Final[Any] = messages.CommitRequest.pb()
_CommitResponse: Final[Any] = messages.CommitResponse.pb()
_ReadRequest: Final[Any] = messages.BatchGetDocumentsRequest.pb()
_ReadResponse: Final[Any] = messages.BatchGetDocumentsResponse.pb()
_Write: Final[Any] = writes.Write.pb()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SERVICE: Final = "/google.firestore.v1.Firestore"


class Snapshot(Struct, frozen=True):
    """A document as it was read. `update_time` is None if there was none."""

    reference: Reference
    record: dict[str, Any] | None
    update_time: object = None

    @property
    def id(self) -> str:
        return str(self.reference.id)

    @property
    def exists(self) -> bool:
        return self.record is not None

    def to_dict(self) -> dict[str, Any] | None:
        return self.record


class Wire:
    """The channel of `client`, with its identity. Raises google.api_core's errors."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def name(self, reference: Reference) -> str:
        """Of a document, as requests have it."""
        return f"{self._database}/documents/{reference.path}"

    def commit(self, batch: Sequence[Write], *, timeout: float) -> Sequence[Any]:
        """The write results, in the order of `batch`."""
        request = _CommitRequest(database=self._database, writes=batch)
        try:
            answer = self._commit(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise exceptions.from_grpc_error(error) from error
        results: Sequence[Any] = answer.write_results
        return results

    def read(
        self, references: Iterable[Reference], *, timeout: float, at: datetime | None
    ) -> Mapping[str, Snapshot]:
        """By path, all of one moment: now, or `at`."""
        by_name = {self.name(reference): reference for reference in references}
        request = _ReadRequest(database=self._database, documents=by_name)
        if at is not None:
            request.read_time.FromDatetime(at)
        try:
            answers = self._read(request, timeout=timeout, metadata=self._metadata)
            found = [_snapshot(answer, by_name) for answer in answers]
        except grpc.RpcError as error:
            raise exceptions.from_grpc_error(error) from error
        return {snapshot.reference.path: snapshot for snapshot in found}

    @cached_property
    def _database(self) -> str:
        name: str = self._client._database_string
        return name

    @cached_property
    def _metadata(self) -> Sequence[tuple[str, str]]:
        """What the library sends along, too."""
        routing = gapic_v1.routing_header.to_grpc_metadata(
            (("database", self._database),)
        )
        about = gapic_v1.client_info.ClientInfo().to_grpc_metadata()
        return (*self._client._rpc_metadata, routing, about)

    @cached_property
    def _channel(self) -> Any:
        return self._client._firestore_api.transport.grpc_channel

    @cached_property
    def _commit(self) -> Any:
        return self._channel.unary_unary(
            f"{_SERVICE}/Commit",
            request_serializer=_CommitRequest.SerializeToString,
            response_deserializer=_CommitResponse.FromString,
        )

    @cached_property
    def _read(self) -> Any:
        return self._channel.unary_stream(
            f"{_SERVICE}/BatchGetDocuments",
            request_serializer=_ReadRequest.SerializeToString,
            response_deserializer=_ReadResponse.FromString,
        )


def created(name: str, record: Record) -> Write:
    """The document must not exist."""
    write = _Write()
    write.update.name = name
    write.current_document.exists = False
    _fill(write.update.fields, record)
    return write


def overwritten(name: str, record: Record) -> Write:
    """Whatever is there."""
    write = _Write()
    write.update.name = name
    _fill(write.update.fields, record)
    return write


def updated(name: str, record: Record, token: object = None) -> Write:
    """The named fields of a document that exists, as it was when `token` was read."""
    write = overwritten(name, record)
    write.update_mask.field_paths.extend(_path((field,)) for field in record)
    _expect(write, token)
    return write


def merged(name: str, record: Record) -> Write:
    """The named fields, nested ones too, whether or not the document exists."""
    write = _Write()
    write.update.name = name
    write.update_mask.SetInParent()
    _merge(write, write.update.fields, record, ())
    return write


def changed(name: str, record: Record, token: object) -> Write:
    """As `merged`, in a document as it was when `token` was read."""
    write = merged(name, record)
    _expect(write, token)
    return write


def deleted(name: str, token: object = None) -> Write:
    write = _Write(delete=name)
    if token is not None:
        _expect(write, token)
    return write


def _expect(write: Write, token: object) -> None:
    if token is None:
        write.current_document.exists = True
    else:
        write.current_document.update_time.CopyFrom(_timestamp(token))


def _timestamp(token: Any) -> Timestamp:
    """Of an `update_time`: of ours, or of a snapshot that the library has read."""
    if isinstance(token, Timestamp):
        return token
    if hasattr(token, "timestamp_pb"):
        read: Timestamp = token.timestamp_pb()
        return read
    since = token - _EPOCH
    return Timestamp(
        seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000
    )


def _merge(write: Write, fields: Any, record: Record, above: tuple[str, ...]) -> None:
    """Goes into maps; increments are added, anything else replaces what is there.

    ValueError for an empty map, which would erase a map that is there.
    """
    for name, value in record.items():
        path = (*above, name)
        if value == {}:
            raise ValueError(f"an empty map, to be merged: {'.'.join(path)}")
        if isinstance(value, firestore.Increment):
            added = write.update_transforms.add(field_path=_path(path))
            _encode(added.increment, value.value)
        elif isinstance(value, dict):
            if _has_values(value):
                _merge(write, fields[name].map_value.fields, value, path)
            else:
                _merge(write, {}, value, path)
        else:
            write.update_mask.field_paths.append(_path(path))
            _encode(fields[name], value)


def _has_values(record: Record) -> bool:
    """Whether it holds anything but increments, at any depth."""
    return any(
        _has_values(value)
        if isinstance(value, dict)
        else not isinstance(value, firestore.Increment)
        for value in record.values()
    )


@lru_cache(maxsize=4096)
def _path(names: tuple[str, ...]) -> str:
    path: str = FieldPath(*names).to_api_repr()
    return path


def _fill(fields: Any, record: Record) -> None:
    for name, value in record.items():
        _encode(fields[name], value)


def _encode(kept: Any, value: Any) -> None:
    """Writes into protobuf's `kept`, in place: building values and passing them on
    takes seven times as long.
    """
    if isinstance(value, str):
        kept.string_value = value
    elif value is None:
        kept.null_value = 0
    elif isinstance(value, bool):
        kept.boolean_value = value
    elif isinstance(value, int):
        kept.integer_value = value
    elif isinstance(value, dict):
        kept.map_value.SetInParent()
        _fill(kept.map_value.fields, value)
    elif isinstance(value, (list, tuple)):
        kept.array_value.SetInParent()
        for each in value:
            _encode(kept.array_value.values.add(), each)
    elif isinstance(value, datetime):
        kept.timestamp_value.CopyFrom(_timestamp(value))
    elif isinstance(value, float):
        kept.double_value = value
    elif isinstance(value, bytes):
        kept.bytes_value = value
    else:
        raise TypeError(f"not a value of Firestore: {type(value).__name__}")


def _snapshot(answer: Any, by_name: Mapping[str, Reference]) -> Snapshot:
    if answer.WhichOneof("result") == "missing":
        return Snapshot(by_name[answer.missing], None)
    found = answer.found
    record = dict(_decoded(found.fields))
    return Snapshot(by_name[found.name], record, found.update_time)


def _decoded(fields: Any) -> Iterator[tuple[str, Any]]:
    for name, kept in fields.items():
        yield name, _decode(kept)


def _decode(kept: Any) -> Any:
    match kept.WhichOneof("value_type"):
        case "null_value":
            return None
        case "map_value":
            return dict(_decoded(kept.map_value.fields))
        case "array_value":
            return [_decode(each) for each in kept.array_value.values]
        case "timestamp_value":
            return kept.timestamp_value.ToDatetime(tzinfo=UTC)
        case kind:
            return getattr(kept, kind)
