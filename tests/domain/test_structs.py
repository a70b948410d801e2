"""A record's repr ends up in logs and tracebacks, so it leaves out secret fields."""

from rich.pretty import pretty_repr

from shared.domain.structs import PartialRepr, replace


class Door(PartialRepr, frozen=True, kw_only=True):
    hidden_fields = ("key",)

    name: str
    key: str


def test_a_repr_leaves_out_unprinted_fields() -> None:
    door = replace(Door(name="front", key="hush"), name="back")

    assert repr(door) == f"{door}" == pretty_repr(door) == "Door(name='back')"
