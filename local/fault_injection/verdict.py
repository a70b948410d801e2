"""Judges from the evidence alone which promises held."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from local.fault_injection.evidence import AccountDay, Accounts, Evidence
from local.fault_injection.journal import EntryKind, JournalEntry
from shared.domain.errors import ErrorCode
from shared.domain.job import AttemptState, Job
from shared.domain.ledger import Totals, in_micros
from shared.domain.webhook import Webhook, WebhookStatus
from shared.domain.webhook_event import event_type, message_id

NOT_SENT = frozenset(
    {AttemptState.SKIPPED, AttemptState.NOT_SENT, AttemptState.REJECTED}
)

# Promises whose violations are counted; for the ledger and the caps, it is the amount.
COUNTED = (
    *("lost", "not_terminal", "paid_twice", "corrupt", "thrown_away"),
    *("key_twice", "open_jobs_drift", "webhooks_broken"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPromise:
    """A broken promise. `job_id`: empty if no single job is affected."""

    promise: str
    job_id: str = ""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    figures: Mapping[str, object]
    broken: Sequence[BrokenPromise]


def verdict_on(evidence: Evidence) -> Verdict:
    """The figures of `make chaos`, and all broken promises."""
    broken = [*_on_jobs(evidence), *_on_payments(evidence), *_on_outputs(evidence)]
    broken += [*_on_translations(evidence), *_on_keys(evidence)]
    broken += [*_on_open_jobs(evidence), *_on_thrown_away(evidence)]
    broken += _on_webhooks(evidence)
    drift, overshoot = ledger_drift_usd(evidence), cap_overshoot_usd(evidence)
    if drift:
        broken.append(BrokenPromise(promise="ledger", why=f"off by {drift} USD"))
    if overshoot:
        broken.append(BrokenPromise(promise="cap", why=f"over by {overshoot} USD"))
    of = Counter(each.promise for each in broken)
    promises: dict[str, object] = {promise: of[promise] for promise in COUNTED}
    promises |= {
        "ledger_drift_usd": float(drift),
        "cap_overshoot_usd": float(overshoot),
    }
    return Verdict(figures=_counts(evidence) | promises, broken=broken)


def _counts(evidence: Evidence) -> dict[str, object]:
    injected = Counter(_names(evidence.journal)) + Counter(evidence.injected)
    crash_count = sum(n for name, n in injected.items() if _is_crash(name))
    recoveries = sorted(recovery_seconds(evidence.journal))
    shown = Counter(job["status"] for job in evidence.shown.values())
    return {
        "jobs": len(evidence.accepted),
        "completed": shown["completed"],
        "failed": shown["failed"],
        "paid_submissions": len(evidence.paid),
        "webhook_messages": len(evidence.received),
        "crashes": crash_count,
        "faults": injected.total() - crash_count,
        "duplicate_deliveries": injected["task delivered twice"],
        "recoveries": len(recoveries),
        "recovery_p50_s": quantile(recoveries, 0.50),
        "recovery_p99_s": quantile(recoveries, 0.99),
        "injected": dict(sorted(injected.items())),
    }


def _names(journal: Iterable[JournalEntry]) -> Iterator[str]:
    for entry in journal:
        match entry.what:
            case EntryKind.INJECTED:
                yield entry.detail
            case EntryKind.SKEWED:
                yield f"{entry.detail} process begins with a skewed clock"


def _is_crash(name: str) -> bool:
    return name.startswith("killed ") or name.endswith(" process killed")


def _on_jobs(evidence: Evidence) -> Iterator[BrokenPromise]:
    known = {job.job_id: job for job in evidence.jobs}
    for job_id in sorted(evidence.accepted - known.keys()):
        yield BrokenPromise(
            promise="lost", job_id=job_id, why="accepted, and not there"
        )
    for job_id, job in known.items():
        shown = evidence.shown.get(job_id, {})
        if not job.is_final or shown.get("status") not in ("completed", "failed"):
            why = f"its owner reads {shown.get('status')}"
            yield BrokenPromise(promise="not_terminal", job_id=job_id, why=why)
        elif shown["status"] == "failed" and not (shown.get("error") or {}).get("code"):
            why = "failed without saying why"
            yield BrokenPromise(promise="lost", job_id=job_id, why=why)


def _on_payments(evidence: Evidence) -> Iterator[BrokenPromise]:
    """Paid submissions, as the simulators recorded them, beyond the attempts sent.

    An attempt at a vendor after one with an unknown outcome is not allowed for.
    """
    paid: Mapping[str, Counter[str]] = defaultdict(Counter)
    for submission in evidence.paid:
        paid[submission.prompt][submission.vendor] += 1
    by_prompt: Mapping[str, list[Job]] = defaultdict(list)
    for job in evidence.jobs:
        by_prompt[job.prompt_to_send].append(job)
    for prompt, vendors in paid.items():
        jobs = by_prompt.get(prompt, [])
        job_id = jobs[0].job_id if jobs else ""
        for vendor, count in vendors.items():
            allowed = sum(_may_have_paid(job, vendor) for job in jobs)
            for _ in range(count - allowed):
                why = f"{vendor}: {count} paid, {allowed} on record"
                yield BrokenPromise(promise="paid_twice", job_id=job_id, why=why)


def _on_translations(evidence: Evidence) -> Iterator[BrokenPromise]:
    for prompt, count in Counter(evidence.translated).items():
        for _ in range(count - 1):
            yield BrokenPromise(
                promise="paid_twice", why=f"translated {count} times: {prompt}"
            )


def _may_have_paid(job: Job, vendor: str) -> int:
    """Attempts up to and including the first with an unknown outcome, after which none
    may be sent.
    """
    count = 0
    for attempt in job.attempts:
        if attempt.vendor == vendor and attempt.state not in NOT_SENT:
            count += 1
            if attempt.state is AttemptState.UNKNOWN:
                break
    return count


def _on_outputs(evidence: Evidence) -> Iterator[BrokenPromise]:
    for job in evidence.jobs:
        if job.delivered:
            fault = evidence.outputs.get(job.job_id, "was not looked at")
            if fault:
                yield BrokenPromise(promise="corrupt", job_id=job.job_id, why=fault)


def _on_webhooks(evidence: Evidence) -> Iterator[BrokenPromise]:
    for job in evidence.jobs:
        if job.webhook and (why := _fault_of_webhook(job, job.webhook, evidence)):
            yield BrokenPromise(promise="webhooks_broken", job_id=job.job_id, why=why)


def _fault_of_webhook(job: Job, webhook: Webhook, evidence: Evidence) -> str:
    """Empty if its receiver got the end under one id, at most as often as attempted."""
    received = [each for each in evidence.received if each.job_id == job.job_id]
    messages = {(each.message_id, each.type) for each in received}
    if webhook.status is not WebhookStatus.DELIVERED:
        return f"its webhook is {webhook.status}"
    if messages != {(message_id(job), event_type(job))}:
        return f"its receiver got {sorted(messages)}"
    if len(received) > webhook.attempts:
        return f"{len(received)} messages, {webhook.attempts} counted"
    return ""


def _on_thrown_away(evidence: Evidence) -> Iterator[BrokenPromise]:
    """Paid videos that were given up through a fault of our own."""
    for job in evidence.jobs:
        for attempt in job.attempts:
            if attempt.problem and attempt.problem.code is ErrorCode.STORAGE_FAILED:
                why = f"{attempt.provider_id}: {attempt.problem.detail}"
                yield BrokenPromise(promise="thrown_away", job_id=job.job_id, why=why)


def _on_keys(evidence: Evidence) -> Iterator[BrokenPromise]:
    for key, jobs in evidence.jobs_by_key.items():
        if len(jobs) > 1:
            why = f"one Idempotency-Key ({key}), {len(jobs)} jobs"
            yield BrokenPromise(promise="key_twice", job_id=min(jobs), why=why)


def _on_open_jobs(evidence: Evidence) -> Iterator[BrokenPromise]:
    still = Counter(job.user_id for job in evidence.jobs if not job.is_final)
    for user, count in evidence.open_jobs.items():
        if count != still[user]:
            why = f"{user} has {still[user]} open jobs, {count} are counted"
            yield BrokenPromise(promise="open_jobs_drift", why=why)


def ledger_drift_usd(evidence: Evidence) -> Decimal:
    """The largest difference in any account's day: between what is settled and what
    its ended jobs cost, or between what is open and what its open jobs hold.
    """
    settled: dict[AccountDay, Decimal] = defaultdict(Decimal)
    held: dict[AccountDay, Decimal] = defaultdict(Decimal)
    for job in evidence.jobs:
        for account in job.ledger_key.accounts:
            day = account, job.ledger_key.day
            settled[day] += in_micros(job.cost_usd) if job.is_final else 0
            held[day] += 0 if job.is_final else in_micros(job.hold_usd)
    booked, before = days(evidence.ledger), days(evidence.ledger_before)
    drifts = [Decimal(0)]
    for day in settled.keys() | booked.keys():
        now, then = booked.get(day, Totals()), before.get(day, Totals())
        drifts.append(abs(now.settled_usd - then.settled_usd - settled[day]))
        drifts.append(abs(now.open_usd - then.open_usd - held[day]))
    return max(drifts)


def days(accounts: Accounts) -> Mapping[AccountDay, Totals]:
    return {
        (name, day): totals
        for name, account in accounts.items()
        for day, totals in account.days.items()
    }


def cap_overshoot_usd(evidence: Evidence) -> Decimal:
    """The most by which settled and open were ever seen to exceed a day's cap."""
    overshoots = [Decimal(0)]
    for (account, _), used in evidence.peak_used_usd.items():
        kind = account.partition(".")[0]
        if kind in evidence.caps_usd:
            overshoots.append(used - evidence.caps_usd[kind])
    return max(overshoots)


def recovery_seconds(journal: Sequence[JournalEntry]) -> Sequence[float]:
    """Seconds from each crash at a crash point to the next commit of its job."""
    commits: dict[str, list[JournalEntry]] = defaultdict(list)
    for entry in journal:
        if entry.what is EntryKind.COMMITTED:
            commits[entry.job_id].append(entry)
    found = []
    for crash in journal:
        if crash.what is EntryKind.INJECTED and _is_crash(crash.detail):
            own = commits[crash.job_id]
            had_ended = any(c.detail == "final" and c.at <= crash.at for c in own)
            after = [c.at for c in own if c.at > crash.at]
            if after and not had_ended:
                found.append(round(min(after) - crash.at, 3))
    return found


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share does not exceed; None if empty."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]
