"""The vendor's own record: every paid order it took, every paid translation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from local.fault_kinds import Kind, ProviderId
from shared.domain.catalogue import Vendor

_HEADERS = (
    "user-agent",
    "idempotency-key",
    "x-stainless-retry-count",
    "x-goog-api-client",
    "x-runway-version",
    "x-server-timeout",
    "content-length",
)


@dataclass(slots=True, kw_only=True)
class Submission:
    """One accepted order.

    `answered`: an answer with the task's id was written to a client still there.
    `charged_usd`: what the vendor charged in the end; None while it isn't decided.
    `fault`: how the start or the task was made to go wrong.
    """

    vendor: Vendor
    provider: ProviderId
    task_id: str
    model: str
    duration_seconds: int
    cost_usd: Decimal
    prompt: str
    headers: Mapping[str, str]
    fault: Kind | None
    at: datetime
    answered: bool = False
    charged_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidTranslation:
    """One answer of the model that translates."""

    prompt: str
    cost_usd: Decimal


def telling_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that say which client asked and how often, and never a key."""
    return {name: headers[name] for name in _HEADERS if name in headers}


class SubmissionLog:
    def __init__(self) -> None:
        self._submissions: dict[str, Submission] = {}
        self._translations: list[PaidTranslation] = []

    def record(self, submission: Submission) -> None:
        self._submissions[submission.task_id] = submission

    def mark_answered(self, task_id: str) -> None:
        if kept := self._submissions.get(task_id):
            kept.answered = True

    def settle(self, task_id: str, charged_usd: Decimal) -> None:
        """Only the first price of a task counts."""
        kept = self._submissions.get(task_id)
        if kept and kept.charged_usd is None:
            kept.charged_usd = charged_usd

    def record_translation(self, made: PaidTranslation) -> None:
        self._translations.append(made)

    def translations(self) -> list[PaidTranslation]:
        return list(self._translations)

    def all(self) -> list[Submission]:
        return list(self._submissions.values())

    def reset(self) -> None:
        self._submissions.clear()
        self._translations.clear()
