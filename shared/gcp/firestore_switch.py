"""The kill switch in Firestore: the one document `control/generation`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from google.cloud import firestore

from shared.domain.errors import Unreachable
from shared.domain.kill_switch import Interval, Level, Setting, Spent, Switch
from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS, committing, reading
from shared.ports.store import Versioned

Record = dict[str, Any]


class FirestoreSwitch:
    """The port `SwitchStore` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def read(self) -> Versioned[Switch]:
        with reading():
            found = self._document().get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        record = found.to_dict()
        if record is None:
            return Versioned(value=Switch(), token=None)
        return Versioned(value=from_record(record), token=found.update_time)

    def commit(self, before: Versioned[Switch], after: Switch) -> None:
        batch = self._client.batch()
        if before.token is None:
            batch.create(self._document(), to_record(after))
        else:
            unchanged = self._client.write_option(last_update_time=before.token)
            batch.update(self._document(), to_record(after), option=unchanged)
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def _document(self) -> Any:
        return self._client.collection("control").document("generation")


def to_record(switch: Switch) -> Record:
    """Lists where the domain has mappings: ids and amounts are no names of fields."""
    hand = switch.manual_override
    return {
        "level": switch.level.value,  # for who looks: it is never read back
        "budgets": [_budget(*item) for item in sorted(switch.budgets.items())],
        "by_hand": hand
        and {
            "level": hand.level.value,
            "reason": hand.reason,
            "by": hand.by,
            "at": hand.at,
        },
        "overridable": [
            {"budget_id": budget_id, "interval_start": starts_at}
            for budget_id, starts_at in sorted(switch.overridable.items())
        ],
    }


def from_record(record: Mapping[str, Any]) -> Switch:
    """Unreachable where it is not what we wrote: the switch can't be looked at."""
    try:
        return Switch(
            budgets={b["budget_id"]: _interval(b) for b in record["budgets"]},
            manual_override=_setting(record["by_hand"]) if record["by_hand"] else None,
            overridable={
                o["budget_id"]: _plain(o["interval_start"])
                for o in record["overridable"]
            },
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise Unreachable("control/generation holds what is not ours") from error


def _budget(budget_id: str, interval: Interval) -> Record:
    return {
        "budget_id": budget_id,
        "interval_start": interval.starts_at,
        "forecast": str(interval.forecast),
        "by_amount": [
            {
                "amount": str(amount),
                "ratio": str(spent.ratio),
                "published_at": spent.published_at,
            }
            for amount, spent in sorted(interval.by_amount.items())
        ],
    }


def _interval(record: Record) -> Interval:
    return Interval(
        starts_at=_plain(record["interval_start"]),
        forecast=Decimal(record["forecast"]),
        by_amount={
            Decimal(spent["amount"]): Spent(
                ratio=Decimal(spent["ratio"]),
                published_at=_plain(spent["published_at"]),
            )
            for spent in record["by_amount"]
        },
    )


def _setting(record: Record) -> Setting:
    return Setting(
        level=Level(record["level"]),
        reason=record["reason"],
        by=record["by"],
        at=_plain(record["at"]),
    )


def _plain(value: datetime) -> datetime:
    """Firestore's own kind of datetime as a plain one, equal by value alone."""
    moment = value.astimezone(UTC)
    return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)
