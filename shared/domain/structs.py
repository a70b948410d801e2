"""How a record is changed, and how one is shown that has more than a log may have.

Records are msgspec's Structs, whose classes are made sixty times as fast as a
dataclass: docs/decisions/0043-records-are-structs.md.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

if TYPE_CHECKING:  # mypy checks the fields of this one, for Structs, too
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = ["Unprinted", "replace"]


class Unprinted(Struct, frozen=True):
    """A record whose `unprinted` fields are not in its repr."""

    unprinted: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        printed = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(printed)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The library rich would show all fields otherwise."""
        shown = (name for name in self.__struct_fields__ if name not in self.unprinted)
        return [(name, getattr(self, name)) for name in shown]
