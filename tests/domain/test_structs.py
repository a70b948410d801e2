"""What a record's repr shows: it ends up in logs and tracebacks."""

from rich.pretty import pretty_repr

from shared.domain.structs import Unprinted, replace
from shared.providers import google_client, registry, runway_wire
from shared.settings import Settings
from shared.worker import advance


class Door(Unprinted, frozen=True, kw_only=True):
    unprinted = ("key",)

    name: str
    key: str


def test_a_repr_leaves_out_what_is_unprinted() -> None:
    door = replace(Door(name="front", key="hush"), name="back")

    assert repr(door) == f"{door}" == pretty_repr(door) == "Door(name='back')"


def test_each_name_that_is_left_out_is_a_field() -> None:
    # Imported for their records.
    assert all((google_client, registry, runway_wire, advance))
    kinds = Unprinted.__subclasses__()

    assert Settings in kinds
    assert not [k for k in kinds if not k.unprinted]
    assert not [k for k in kinds if set(k.unprinted) - {*k.__struct_fields__}]
