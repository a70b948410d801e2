"""Knows what was really ordered: the vendor's own record of paid submissions."""

import hashlib
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from local.simulators.fault_kinds import Kind, ProviderId

_HEADERS = (
    "user-agent",
    "idempotency-key",
    "x-stainless-retry-count",
    "x-goog-api-client",
    "x-runway-version",
    "x-server-timeout",
    "content-length",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One accepted order. `credits` is None where the vendor has none.

    `answered`: an answer with the task's id was written to a client still there.
    `charged_usd`: what the vendor charged in the end; None while it isn't decided.
    `fault`: how the start or the task was made to go wrong.
    """

    vendor: str
    provider: ProviderId
    task_id: str
    model: str
    duration_seconds: int
    cost_usd: Decimal
    credits: int | None
    prompt: str
    headers: Mapping[str, str]
    fault: Kind | None
    at: datetime
    answered: bool = False
    charged_usd: Decimal | None = None

    def as_json(self) -> dict[str, object]:
        charged = self.charged_usd
        return asdict(self) | {
            "at": self.at.isoformat(),
            "cost_usd": str(self.cost_usd),
            "charged_usd": None if charged is None else str(charged),
            "prompt_sha256": hashlib.sha256(self.prompt.encode()).hexdigest(),
        }


def telling_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that say who asks and how often, and never a key."""
    return {name: headers[name] for name in _HEADERS if name in headers}


def now() -> datetime:
    return datetime.now(UTC)


class SubmissionLog:
    """All paid submissions and a count of all requests, safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._submissions: dict[str, Submission] = {}
        self._requests: Counter[tuple[str, str, str]] = Counter()

    def record(self, submission: Submission) -> None:
        with self._lock:
            self._submissions[submission.task_id] = submission

    def mark_answered(self, task_id: str) -> None:
        with self._lock:
            if task_id in self._submissions:
                kept = self._submissions[task_id]
                self._submissions[task_id] = replace(kept, answered=True)

    def settle(self, task_id: str, charged_usd: Decimal) -> None:
        """The first word on the price of a task is the last."""
        with self._lock:
            kept = self._submissions.get(task_id)
            if kept is not None and kept.charged_usd is None:
                self._submissions[task_id] = replace(kept, charged_usd=charged_usd)

    def count(self, provider: ProviderId | None, method: str, path: str) -> None:
        with self._lock:
            self._requests[provider or "", method, path] += 1

    def all(self) -> list[Submission]:
        with self._lock:
            return list(self._submissions.values())

    def requests(self, method: str, path: str) -> int:
        """How many came, over all links."""
        with self._lock:
            return sum(
                count
                for (_, seen_method, seen_path), count in self._requests.items()
                if (seen_method, seen_path) == (method, path)
            )

    def reset(self) -> None:
        with self._lock:
            self._submissions.clear()
            self._requests.clear()

    def as_json(self) -> dict[str, object]:
        with self._lock:
            submissions = [each.as_json() for each in self._submissions.values()]
            requests = [
                {
                    "provider": provider or None,
                    "method": method,
                    "path": path,
                    "count": count,
                }
                for (provider, method, path), count in self._requests.items()
            ]
        return {"submissions": submissions, "requests": requests}
