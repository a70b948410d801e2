"""Knows which faults are asked for, and whose turn it is."""

import random
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Self, TypeVar

from local.simulators.fault_kinds import BILLED, Kind, Place, ProviderId, kinds_of


class FaultError(ValueError):
    """What was asked for is no fault; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, `times` times (None: always), at `share` of requests.

    `seconds` is how late a late answer comes. `billed` says whether the vendor took
    the order although it answered so; None: as `fault_kinds.BILLED` has it.
    """

    provider: ProviderId
    place: Place
    kind: Kind
    times: int | None = None
    share: float = 1.0
    seed: int = 0
    seconds: float = 5.0
    billed: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in kinds_of(self.provider, self.place):
            raise FaultError(f"{self.provider} has no {self.kind!r} at {self.place}")
        if not 0 <= self.share <= 1:
            raise FaultError(f"share is {self.share}, not within 0 and 1")
        if self.times is not None and (type(self.times) is not int or self.times < 0):
            raise FaultError(f"times is {self.times!r}, not a whole number or null")
        if not self.seconds >= 0:
            raise FaultError(f"seconds is {self.seconds!r}, not 0 or more")

    @property
    def is_billed(self) -> bool:
        return self.kind in BILLED if self.billed is None else self.billed

    @classmethod
    def from_json(cls, value: object) -> Self:
        """From `{"provider", "place", "kind", …}`; only `provider` must be there."""
        if not isinstance(value, dict):
            raise FaultError("a fault is an object with link, place and kind")
        known = {each.name for each in fields(cls)}
        if unknown := value.keys() - known:
            raise FaultError(f"a fault has no {sorted(unknown)}, only {sorted(known)}")
        rest = {name: value[name] for name in value if name not in _NAMES}
        provider = _member(ProviderId, value.get("provider"))
        kind = _member(Kind, value.get("kind", Kind.UNAVAILABLE))
        return cls(
            provider=provider,
            place=_place(provider, kind, value),
            kind=kind,
            **rest,
        )


_NAMES = ("provider", "place", "kind")
_Member = TypeVar("_Member", bound=StrEnum)


def parse_faults(text: str) -> list[Fault]:
    """From `LINK`, `LINK:KIND`, `LINK:PLACE:KIND`, `…*TIMES`, `LINK=KIND`, with commas.

    A link alone means 503 at every start.
    """
    return [_parse(part.strip()) for part in text.split(",") if part.strip()]


def _parse(text: str) -> Fault:
    spec, star, times = text.partition("*")
    if star and not times.isdigit():
        raise FaultError(f"{text!r}: a whole number follows the star")
    match spec.replace("=", ":").split(":"):
        case [provider]:
            value: dict[str, object] = {"provider": provider}
        case [provider, kind]:
            value = {"provider": provider, "kind": kind}
        case [provider, place, kind]:
            value = {"provider": provider, "place": place, "kind": kind}
        case _:
            raise FaultError(f"{text!r} is not LINK:PLACE:KIND")
    return Fault.from_json(value | ({"times": int(times)} if star else {}))


def _place(provider: ProviderId, kind: Kind, value: Mapping[str, object]) -> Place:
    named = value.get("place")
    if named is None:
        places = (Place.TASK, Place.START, Place.FETCH)
        return next((p for p in places if kind in kinds_of(provider, p)), Place.START)
    place = Place.FETCH if named == "download" else _member(Place, named)
    if place is Place.START and kind in kinds_of(provider, Place.TASK):
        return Place.TASK
    return place


def _member(members: type[_Member], value: object) -> _Member:
    try:
        return members(str(value))
    except ValueError as error:
        raise FaultError(f"{value!r} is none of {', '.join(members)}") from error


@dataclass(slots=True, kw_only=True)
class _Armed:
    fault: Fault
    left: int | None
    dice: random.Random = field(repr=False)

    def fires(self) -> bool:
        if self.left == 0 or self.dice.random() >= self.fault.share:
            return False
        if self.left is not None:
            self.left -= 1
        return True


def _dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable, not secret


class FaultPlan:
    """The faults in force; of several that fit, the one added first goes first."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> None:
        with self._lock:
            self._armed += [
                _Armed(fault=each, left=each.times, dice=_dice(each.seed))
                for each in faults
            ]

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def take(self, provider: ProviderId, place: Place) -> Fault | None:
        """The fault whose turn it is at this request, used up by asking."""
        with self._lock:
            return next((armed.fault for armed in self._at(provider, place)), None)

    def as_json(self) -> list[dict[str, object]]:
        with self._lock:
            return [
                {name: getattr(armed.fault, name) for name in Fault.__slots__}
                | {"left": armed.left}
                for armed in self._armed
            ]

    def _at(self, provider: ProviderId, place: Place) -> Iterator[_Armed]:
        for armed in self._armed:
            fits = armed.fault.provider is provider and armed.fault.place is place
            if fits and armed.fires():
                yield armed
