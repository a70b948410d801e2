"""A Terraform plan as data: what changes, in words, and whether it was agreed to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Actions = tuple[str, ...]
NO_CHANGE = (("no-op",), ("read",))
WORDS = {
    ("create",): "to make",
    ("update",): "to change",
    ("delete",): "to delete",
    ("delete", "create"): "to replace",
    ("create", "delete"): "to replace",
    ("forget",): "to let go",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`after`: the values as planned, without those known only once it is made."""

    address: str
    kind: str
    actions: Actions
    after: Mapping[str, Any]

    @property
    def deletes(self) -> bool:
        return "delete" in self.actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    changes: tuple[Change, ...]
    imports: int = 0
    outputs_change: bool = False

    @classmethod
    def parse(cls, shown: Mapping[str, Any]) -> "Plan":
        """From `terraform show -json PLAN`."""
        found = shown.get("resource_changes", [])
        outputs = shown.get("output_changes", {}).values()
        return cls(
            changes=tuple(
                _change(each)
                for each in found
                if tuple(each["change"]["actions"]) not in NO_CHANGE
            ),
            imports=sum("importing" in each["change"] for each in found),
            outputs_change=any(o["actions"] != ["no-op"] for o in outputs),
        )

    @property
    def is_empty(self) -> bool:
        return not (self.changes or self.imports or self.outputs_change)

    def only_updates(self, kind: str) -> bool:
        return all(
            change.kind == kind and change.actions == ("update",)
            for change in self.changes
        )

    def summary(self) -> list[str]:
        """A line of counts, then each thing that is deleted or replaced."""
        counts = Counter(WORDS[change.actions] for change in self.changes)
        lines = [", ".join(f"{n} {word}" for word, n in sorted(counts.items()))]
        if self.imports:
            lines.append(f"{self.imports} there already, to take over")
        lines += [
            f"  {WORDS[change.actions]}: {change.address}"
            for change in self.changes
            if change.deletes
        ]
        return [line for line in lines if line] or ["no resource changes"]

    def is_part_of(self, agreed: "Plan") -> bool:
        """Whether all of it was in `agreed`, or does less to the same thing."""
        known = {change.address: change for change in agreed.changes}
        return all(
            change.address in known
            and (not change.deletes or known[change.address].deletes)
            for change in self.changes
        )


def _change(shown: Mapping[str, Any]) -> Change:
    return Change(
        address=shown["address"],
        kind=shown["type"],
        actions=tuple(shown["change"]["actions"]),
        after=shown["change"]["after"] or {},
    )
