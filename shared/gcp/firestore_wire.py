"""Encodes Firestore's reads and commits in plain protobuf, to save CPU.

google-cloud-firestore builds each value twice, once in a Python wrapper and once in
protobuf, and wraps each call four times; that was nine tenths of the cost of a commit.
Here documents are written directly into the request, in protobuf's own messages, and
sent over the library's own channel. `tests/gcp/test_firestore_wire.py` checks that each
write equals the library's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Final

import grpc
from google.api_core import exceptions, gapic_v1
from google.cloud import firestore
from google.cloud.firestore_v1.field_path import FieldPath
from google.cloud.firestore_v1.types import document as documents
from google.cloud.firestore_v1.types import firestore as messages
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Struct

Record = Mapping[str, Any]
Reference = Any
# A request for a commit; its `writes`; one of them.
Commit = Any
Writes = Any
Write = Any
# Protobuf's own classes, without the library's wrappers.
_CommitRequest: Final[Any] = messages.CommitRequest.pb()
_CommitResponse: Final[Any] = messages.CommitResponse.pb()
_GetRequest: Final[Any] = messages.GetDocumentRequest.pb()
_Document: Final[Any] = documents.Document.pb()
_ReadRequest: Final[Any] = messages.BatchGetDocumentsRequest.pb()
_ReadResponse: Final[Any] = messages.BatchGetDocumentsResponse.pb()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SERVICE: Final = "/google.firestore.v1.Firestore"


class Snapshot(Struct, frozen=True):
    """A document as it was read. `record` and `update_time`: None if it is missing."""

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
    """Sends requests over `client`'s channel, with its credentials.

    Raises google.api_core's errors.
    """

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def name(self, reference: Reference) -> str:
        """A document's full name, as requests need it."""
        return f"{self._database}/documents/{reference.path}"

    def new_commit(self) -> Commit:
        """A request without writes, which are added in place: copying them is slow."""
        return _CommitRequest(database=self._database)

    def commit(self, commit: Commit, *, timeout: float) -> Sequence[Any]:
        """The write results, in the order of `commit.writes`."""
        try:
            answer = self._commit(commit, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise exceptions.from_grpc_error(error) from error
        results: Sequence[Any] = answer.write_results
        return results

    def get(self, reference: Reference, *, timeout: float) -> Snapshot:
        """A document as it is now; missing if Firestore finds no such document, or not
        even the database: only `read` tells these apart.

        Costs half as much as `read`, whose answer is a stream.
        """
        name = self.name(reference)
        metadata = self._metadata_for("name", name)
        try:
            found = self._get(
                _GetRequest(name=name), timeout=timeout, metadata=metadata
            )
        except grpc.RpcError as error:
            mapped = exceptions.from_grpc_error(error)
            if isinstance(mapped, exceptions.NotFound):
                return Snapshot(reference, None)
            raise mapped from error
        return Snapshot(reference, dict(_decoded(found.fields)), found.update_time)

    def read(
        self, references: Iterable[Reference], *, timeout: float, at: datetime | None
    ) -> Mapping[str, Snapshot]:
        """Consistent snapshots by path, as of now or of `at`."""
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
        return self._metadata_for("database", self._database)

    def _metadata_for(self, field: str, value: str) -> Sequence[tuple[str, str]]:
        """The same metadata as the library sends; the request's `field` routes it."""
        routing = gapic_v1.routing_header.to_grpc_metadata(((field, value),))
        return (*self._client._rpc_metadata, routing, self._client_info)

    @cached_property
    def _client_info(self) -> tuple[str, str]:
        header: tuple[str, str]
        header = gapic_v1.client_info.ClientInfo().to_grpc_metadata()
        return header

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
    def _get(self) -> Any:
        return self._channel.unary_unary(
            f"{_SERVICE}/GetDocument",
            request_serializer=_GetRequest.SerializeToString,
            response_deserializer=_Document.FromString,
        )

    @cached_property
    def _read(self) -> Any:
        return self._channel.unary_stream(
            f"{_SERVICE}/BatchGetDocuments",
            request_serializer=_ReadRequest.SerializeToString,
            response_deserializer=_ReadResponse.FromString,
        )


def create(writes: Writes, name: str, record: Record) -> None:
    """The document must not exist."""
    overwrite(writes, name, record).current_document.exists = False


def update(writes: Writes, name: str, record: Record, token: object = None) -> None:
    """Sets the fields in `record`. The document must exist, and with a `token` must not
    have changed since.
    """
    write = overwrite(writes, name, record)
    write.update_mask.field_paths.extend(_path((field,)) for field in record)
    _expect(write, token)


def change(writes: Writes, name: str, record: Record, token: object) -> None:
    """Like `update`, but merges nested maps: fields that aren't named are kept."""
    write = _merge(writes, name)
    _change(write, write.update.fields, record, ())
    _expect(write, token)


def increment(writes: Writes, name: str, amounts: Record) -> None:
    """Adds to numbers, nested ones too. The document may or may not exist.

    An amount of 0 is left out, so that it doesn't create a field.
    """
    _increment(_merge(writes, name), amounts, ())


def delete(writes: Writes, name: str, token: object = None) -> None:
    write = writes.add(delete=name)
    if token is not None:
        _expect(write, token)


def overwrite(writes: Writes, name: str, record: Record) -> Write:
    """Replaces the document, or creates it; no precondition."""
    write = writes.add()
    write.update.name = name
    _fill(write.update.fields, record)
    return write


def _merge(writes: Writes, name: str) -> Write:
    """A write that sets no field yet."""
    write = writes.add()
    write.update.name = name
    write.update_mask.SetInParent()
    return write


def _expect(write: Write, token: object) -> None:
    if token is None:
        write.current_document.exists = True
    else:
        write.current_document.update_time.CopyFrom(_timestamp(token))


def _timestamp(moment: Any) -> Timestamp:
    """From an `update_time` as it was read, or from a datetime."""
    if isinstance(moment, Timestamp):
        return moment
    since = moment - _EPOCH
    return Timestamp(
        seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000
    )


def _change(write: Write, fields: Any, record: Record, above: tuple[str, ...]) -> None:
    """ValueError for an empty map, which would erase an existing map."""
    for name, value in record.items():
        path = (*above, name)
        if value == {}:
            raise ValueError(f"an empty map would erase what is there: {path}")
        if isinstance(value, dict):
            _change(write, fields[name].map_value.fields, value, path)
        else:
            write.update_mask.field_paths.append(_path(path))
            _encode(fields[name], value)


def _increment(write: Write, amounts: Record, above: tuple[str, ...]) -> None:
    for name, amount in amounts.items():
        path = (*above, name)
        if isinstance(amount, dict):
            _increment(write, amount, path)
        elif amount:
            added = write.update_transforms.add(field_path=_path(path))
            _encode(added.increment, amount)


@lru_cache(maxsize=4096)
def _path(names: tuple[str, ...]) -> str:
    return FieldPath(*names).to_api_repr()


def _fill(fields: Any, record: Record) -> None:
    for name, value in record.items():
        _encode(fields[name], value)


def _encode(kept: Any, value: Any) -> None:
    """Writes `value` into the protobuf message `kept`, in place, since building values
    and passing them on takes seven times as long.
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
        raise TypeError(f"Firestore has no such type: {type(value).__name__}")


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
