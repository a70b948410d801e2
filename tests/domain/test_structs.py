"""A record's repr ends up in logs and tracebacks, so it leaves out secret fields."""

from rich.pretty import pretty_repr

from shared.domain.structs import PartialRepr, replace
from shared.providers import google_client, registry, runway_wire
from shared.settings import Settings
from shared.worker import advance


class Door(PartialRepr, frozen=True, kw_only=True):
    hidden_fields = ("key",)

    name: str
    key: str


def test_a_repr_leaves_out_unprinted_fields() -> None:
    door = replace(Door(name="front", key="hush"), name="back")

    assert repr(door) == f"{door}" == pretty_repr(door) == "Door(name='back')"


def test_every_unprinted_name_is_a_field() -> None:
    # Imported for their records.
    assert all((google_client, registry, runway_wire, advance))
    kinds = PartialRepr.__subclasses__()

    assert Settings in kinds
    assert not [k for k in kinds if not k.hidden_fields]
    assert not [k for k in kinds if set(k.hidden_fields) - {*k.__struct_fields__}]
