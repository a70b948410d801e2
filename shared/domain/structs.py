"""`replace` for immutable records, and records whose repr leaves out secrets.

Records are msgspec's Structs, whose classes are created sixty times as fast as
dataclasses: docs/decisions/0043-records-are-structs.md.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

if TYPE_CHECKING:  # with this one, mypy checks the fields of Structs, too
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = ["PartialRepr", "replace"]


class PartialRepr(Struct, frozen=True):
    """A record whose repr leaves out `hidden_fields`."""

    hidden_fields: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        printed = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(printed)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without this, the library rich would show all fields."""
        shown = (
            name for name in self.__struct_fields__ if name not in self.hidden_fields
        )
        return [(name, getattr(self, name)) for name in shown]
