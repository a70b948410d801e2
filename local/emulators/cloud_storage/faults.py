"""Faults on request: which operation breaks next, how, and how often."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from local.emulators.cloud_storage.errors import (
    ConnectionCutError,
    Refusal,
    StorageRefusedError,
)
from local.emulators.cloud_storage.http import (
    Body,
    Reply,
)


class Operation(StrEnum):
    """`upload` is every request that brings bytes; `start_upload` opens a session."""

    UPLOAD = "upload"
    START_UPLOAD = "start_upload"
    DOWNLOAD = "download"
    COPY = "copy"
    GET = "get"
    LIST = "list"
    PATCH = "patch"
    DELETE = "delete"
    BUCKET = "bucket"


class Cut(StrEnum):
    """`cut`: half of the bytes pass, or nothing is done. `cut-after`: it is done,
    and the answer is lost."""

    HALFWAY = "cut"
    AFTER = "cut-after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The next `times` requests of `op` answer `status`, an HTTP status or a cut."""

    op: Operation
    status: int | Cut
    times: int = 1

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """ValueError or KeyError when it is not a fault."""
        status = body["status"]
        return cls(
            op=Operation(body["op"]),
            status=Cut(status) if isinstance(status, str) else int(status),
            times=int(body.get("times", 1)),
        )


class FaultPlan:
    """Thread-safe; faults of one operation come in the order they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._armed.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._armed]

    def run(self, op: Operation, body: Body, work: Callable[[], Reply]) -> Reply:
        """Do the work, or break it the way that was asked for."""
        match self._take(op):
            case None:
                return work()
            case Cut.AFTER:
                work().close()
                raise ConnectionCutError
            case Cut.HALFWAY:
                return _cut_halfway(op, body, work)
            case status:
                raise StorageRefusedError(Refusal.BACKEND, status=status)

    def _take(self, op: Operation) -> int | Cut | None:
        with self._lock:
            for index, fault in enumerate(self._armed):
                if fault.op is op:
                    left = replace(fault, times=fault.times - 1)
                    self._armed[index : index + 1] = [left] if left.times > 0 else []
                    return fault.status
        return None


def _cut_halfway(op: Operation, body: Body, work: Callable[[], Reply]) -> Reply:
    match op:
        case Operation.DOWNLOAD:
            reply = work()
            return replace(reply, cut_after_bytes=reply.length // 2)
        case Operation.UPLOAD if body.length:
            body.cut_after(body.length // 2)
            return work()
        case _:
            raise ConnectionCutError
