"""Faults of a simulated provider or of the storage server, and how they are written."""

import random
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self, TypeVar

from local.fault_kinds import Kind, Place, ProviderId, kinds_of


class FaultError(ValueError):
    """It is not a valid fault; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that happens `times` times (None: always), to a `share` of the requests.

    `provider` None: the storage server. `seconds`: the delay of a late response.
    """

    provider: ProviderId | None = None
    place: Place
    kind: Kind
    times: int | None = None
    share: float = 1.0
    seed: int = 0
    seconds: float = 5.0

    def __post_init__(self) -> None:
        if self.kind not in kinds_of(self.provider, self.place):
            at = f"{self.provider or 'storage'} at {self.place}"
            raise FaultError(f"there is no {self.kind.value!r} of {at}")
        if not 0 <= self.share <= 1:
            raise FaultError(f"share is {self.share}, not within 0 and 1")
        if self.times is not None and (type(self.times) is not int or self.times < 0):
            raise FaultError(f"times is {self.times!r}, not a whole number or null")
        if not self.seconds >= 0:
            raise FaultError(f"seconds is {self.seconds!r}, not 0 or more")

    @classmethod
    def from_json(cls, value: object) -> Self:
        """From an object with our fields.

        A provider's fault may leave out `kind`, which is then 503, and `place`, which
        is then the first where that kind is possible.
        """
        if not isinstance(value, dict):
            raise FaultError("a fault is an object with provider, place and kind")
        known = {each.name for each in fields(cls)}
        if unknown := value.keys() - known:
            raise FaultError(f"a fault has no {sorted(unknown)}, only {sorted(known)}")
        provider = value.get("provider")
        provider = None if provider is None else _member(ProviderId, provider)
        kind = _member(Kind, value.get("kind", Kind.UNAVAILABLE))
        place = _place(provider, kind, value.get("place"))
        return cls(**value | {"provider": provider, "kind": kind, "place": place})


_Member = TypeVar("_Member", bound=StrEnum)


def parse_faults(text: str) -> list[Fault]:
    """From a comma-separated list of `PROVIDER[:[PLACE:]KIND][*TIMES]`.

    `=` may replace a colon. A provider alone means 503 at every start.
    """
    return [_parse(part.strip()) for part in text.split(",") if part.strip()]


def _parse(text: str) -> Fault:
    spec, star, times = text.partition("*")
    if star and not times.isdigit():
        raise FaultError(f"{text!r}: a whole number follows the star")
    provider, *rest = spec.replace("=", ":").split(":")
    if len(rest) > 2:
        raise FaultError(f"{text!r} is not PROVIDER:PLACE:KIND")
    names = ("kind",) if len(rest) == 1 else ("place", "kind")
    value = {"provider": provider, **dict(zip(names, rest, strict=False))}
    return Fault.from_json(value | ({"times": int(times)} if star else {}))


def _place(provider: ProviderId | None, kind: Kind, named: object) -> Place:
    if named is None:
        places = (Place.TASK, Place.START, Place.FETCH, Place.TRANSLATE)
        return next((p for p in places if kind in kinds_of(provider, p)), Place.START)
    if provider and named == "download":
        return Place.FETCH
    place = _member(Place, named)
    at_task = place is Place.START and kind in kinds_of(provider, Place.TASK)
    return Place.TASK if at_task else place


def _member(members: type[_Member], value: object) -> _Member:
    try:
        return members(str(value))
    except ValueError as error:
        raise FaultError(f"{value!r} is not one of {', '.join(members)}") from error


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int | None
    rng: random.Random = field(repr=False)

    def fires(self) -> bool:
        if self.left == 0 or self.rng.random() >= self.fault.share:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class FaultPlan:
    """The active faults; of several that match, the one added first fires first."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> None:
        new = [
            _Armed(f, f.times, random.Random(f.seed))  # noqa: S311 - repeatable, no secret
            for f in faults
        ]
        with self._lock:
            self._armed += new

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def take(self, place: Place, provider: ProviderId | None = None) -> Fault | None:
        """Use up and return the fault for this request, or None if none is due."""
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if (fault.place, fault.provider) == (place, provider) and armed.fires():
                    return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """All faults since the last `clear`, and how often each is `left` to fire."""
        with self._lock:
            return [asdict(each.fault) | {"left": each.left} for each in self._armed]
