"""A parsed Terraform plan: what it creates, changes and deletes, and its summary."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Actions = tuple[str, ...]
NO_CHANGE = (("no-op",), ("read",))
LABELS = {
    ("create",): "to make",
    ("update",): "to change",
    ("delete",): "to delete",
    ("delete", "create"): "to replace",
    ("create", "delete"): "to replace",
    ("forget",): "to let go",
}

SECRETS = "google_secret_manager_secret.keys["
VERSIONS = "google_secret_manager_secret_version.unset["


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`changes`: Terraform's actions by the address of each resource that changes."""

    changes: Mapping[str, Actions]
    imports: int = 0
    outputs_change: bool = False

    @classmethod
    def parse(cls, shown: Mapping[str, Any]) -> "Plan":
        """From `terraform show -json PLAN`."""
        found = shown.get("resource_changes", [])
        outputs = shown.get("output_changes", {}).values()
        actions = {each["address"]: tuple(each["change"]["actions"]) for each in found}
        return cls(
            changes={at: does for at, does in actions.items() if does not in NO_CHANGE},
            imports=sum("importing" in each["change"] for each in found),
            outputs_change=any(o["actions"] != ["no-op"] for o in outputs),
        )

    @property
    def is_empty(self) -> bool:
        return not (self.changes or self.imports or self.outputs_change)

    @property
    def deletions(self) -> list[str]:
        """Addresses of resources that are deleted or replaced."""
        return [at for at, actions in self.changes.items() if "delete" in actions]

    @property
    def first_versions(self) -> Mapping[str, str]:
        """First versions to create in secrets that exist already: by secret, where."""
        created = {at for at, does in self.changes.items() if does == ("create",)}
        found = {at.partition('"')[2][:-2]: at for at in created if VERSIONS in at}
        new = {at.partition('"')[2][:-2] for at in created if SECRETS in at}
        return {name: at for name, at in found.items() if name not in new}

    def summary(self) -> list[str]:
        """A line of counts, then a line per resource that is deleted or replaced."""
        counts = Counter(LABELS[actions] for actions in self.changes.values())
        lines = [", ".join(f"{n} {word}" for word, n in sorted(counts.items()))]
        if self.imports:
            lines.append(f"{self.imports} existing, to import")
        lines += [f"  {LABELS[self.changes[at]]}: {at}" for at in self.deletions]
        return [line for line in lines if line] or ["no resource changes"]
