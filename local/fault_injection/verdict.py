"""Which promises held: counted from the evidence alone, never from what we meant."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from local.fault_injection.evidence import (
    AccountDay,
    Booked,
    Evidence,
    JobSeen,
)
from local.fault_injection.journal import (
    Entry,
    What,
)
from local.fault_injection.plan import (
    KILLS,
    count_by_name,
)

NOT_SENT = frozenset({"skipped", "not_sent", "rejected"})
_KILLS = tuple(f"{act} " for act in KILLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One broken promise. `job_id` is empty where it is of no single job."""

    promise: str
    job_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    figures: Mapping[str, object]
    broken: Sequence[Broken]


def judge(evidence: Evidence) -> Verdict:
    """The figures of `make chaos`, and each promise that was broken."""
    broken = [*_on_jobs(evidence), *_on_payments(evidence), *_on_films(evidence)]
    broken += [*_on_keys(evidence), *_on_open_jobs(evidence)]
    drift, overshoot = ledger_drift_usd(evidence), cap_overshoot_usd(evidence)
    if drift:
        broken.append(Broken(promise="ledger", job_id="", why=f"off by {drift} USD"))
    if overshoot:
        broken.append(Broken(promise="cap", job_id="", why=f"over by {overshoot} USD"))
    return Verdict(figures=_figures(evidence, broken, drift, overshoot), broken=broken)


def _figures(
    evidence: Evidence, broken: Sequence[Broken], drift: Decimal, overshoot: Decimal
) -> Mapping[str, object]:
    of = Counter(each.promise for each in broken)
    injected = count_by_name(e.detail for e in evidence.diary if e.what is What.STRUCK)
    kills = sum(n for name, n in injected.items() if name.startswith(_KILLS))
    killed = count_by_name(
        f"{e.function} process killed" for e in evidence.diary if e.what is What.KILLED
    )
    harm = {name: count for name, count in evidence.harm.items() if count}
    recoveries = sorted(recovery_seconds(evidence.diary))
    ended = Counter(job.status for job in evidence.jobs)
    return {
        "jobs": len(evidence.accepted),
        "faults": sum(harm.values()) + sum(injected.values()) - kills,
        "crashes": kills + sum(killed.values()),
        "duplicate_deliveries": evidence.duplicate_deliveries,
        "lost": of["lost"],
        "not_terminal": of["not_terminal"],
        "paid_twice": of["paid_twice"],
        "ledger_drift_usd": float(drift),
        "cap_overshoot_usd": float(overshoot),
        "corrupt": of["corrupt"],
        "recovery_p50_s": quantile(recoveries, 0.50),
        "recovery_p99_s": quantile(recoveries, 0.99),
        "recoveries": len(recoveries),
        "completed": ended["completed"],
        "failed": ended["failed"],
        "paid_submissions": len(evidence.paid),
        "key_twice": of["key_twice"],
        "open_jobs_drift": of["open_jobs"],
        "injected": injected | killed | dict(sorted(harm.items())),
    }


def _on_jobs(evidence: Evidence) -> Iterator[Broken]:
    seen = {job.job_id: job for job in evidence.jobs}
    for job_id in sorted(evidence.accepted - seen.keys()):
        yield Broken(promise="lost", job_id=job_id, why="accepted, and not there")
    for job in evidence.jobs:
        if not job.has_ended:
            why = f"still {job.status}"
            yield Broken(promise="not_terminal", job_id=job.job_id, why=why)
        elif job.status == "failed" and not job.error_code:
            why = "failed without saying why"
            yield Broken(promise="lost", job_id=job.job_id, why=why)


def _on_payments(evidence: Evidence) -> Iterator[Broken]:
    """As the simulators count: what came beyond the attempts that say they were sent.

    An attempt after one whose outcome is unknown, at the same vendor, is one too many.
    """
    paid: Mapping[str, Counter[str]] = defaultdict(Counter)
    for submission in evidence.paid:
        paid[submission.prompt][submission.vendor] += 1
    by_prompt: Mapping[str, list[JobSeen]] = defaultdict(list)
    for job in evidence.jobs:
        by_prompt[job.prompt].append(job)
    for prompt, vendors in paid.items():
        jobs = by_prompt.get(prompt, [])
        job_id = jobs[0].job_id if jobs else ""
        for vendor, count in vendors.items():
            allowed = sum(_may_have_paid(job, vendor) for job in jobs)
            for _ in range(count - allowed):
                why = f"{vendor}: {count} paid, {allowed} on record"
                yield Broken(promise="paid_twice", job_id=job_id, why=why)


def _may_have_paid(job: JobSeen, vendor: str) -> int:
    """Up to and with the first of unknown outcome: after it nothing may be sent."""
    count = 0
    for attempt in job.attempts:
        if attempt.vendor != vendor or attempt.state in NOT_SENT:
            continue
        count += 1
        if attempt.state == "unknown":
            break
    return count


def _on_films(evidence: Evidence) -> Iterator[Broken]:
    for job in evidence.jobs:
        if job.status == "completed":
            wrong = evidence.films.get(job.job_id, "was not looked at")
            if wrong:
                yield Broken(promise="corrupt", job_id=job.job_id, why=wrong)


def _on_keys(evidence: Evidence) -> Iterator[Broken]:
    for key, jobs in evidence.job_of_key.items():
        if len(jobs) > 1:
            why = f"one Idempotency-Key ({key}), {len(jobs)} jobs"
            yield Broken(promise="key_twice", job_id=min(jobs), why=why)


def _on_open_jobs(evidence: Evidence) -> Iterator[Broken]:
    still = Counter(job.user for job in evidence.jobs if not job.has_ended)
    for user, count in evidence.open_jobs.items():
        if count != still[user]:
            why = f"{user} has {still[user]} open jobs, {count} are counted"
            yield Broken(promise="open_jobs", job_id="", why=why)


def ledger_drift_usd(evidence: Evidence) -> Decimal:
    """The most by which any account's day is off: settled from what its ended jobs
    cost, or open from nothing, where no job is open."""
    costs: dict[AccountDay, Decimal] = defaultdict(Decimal)
    open_days: set[AccountDay] = set()
    for job in evidence.jobs:
        for account in job.accounts:
            costs[account, job.day] += job.cost_usd if job.has_ended else Decimal(0)
            if not job.has_ended:
                open_days.add((account, job.day))
    drifts = [Decimal(0)]
    for day in costs.keys() | evidence.ledger.keys():
        booked = evidence.ledger.get(day, Booked())
        before = evidence.spent_before.get(day, Booked())
        drifts.append(abs(booked.settled_usd - before.settled_usd - costs[day]))
        if day not in open_days:
            drifts.append(abs(booked.open_usd - before.open_usd))
    return max(drifts)


def cap_overshoot_usd(evidence: Evidence) -> Decimal:
    """The most by which a day's cap was ever seen exceeded by settled and open."""
    overshoots = [Decimal(0)]
    for (account, _), used in evidence.most_used_usd.items():
        kind = account.partition(".")[0]
        if kind in evidence.caps_usd:
            overshoots.append(used - evidence.caps_usd[kind])
    return max(overshoots)


def recovery_seconds(diary: Sequence[Entry]) -> Sequence[float]:
    """For each job that a process died over: until its next committed step."""
    committed: dict[str, list[Entry]] = defaultdict(list)
    for entry in diary:
        if entry.what is What.COMMITTED:
            committed[entry.job_id].append(entry)
    found = []
    for job_id, died_at in sorted(_hits(diary)):
        steps = committed[job_id]
        if any(e.detail == "final" and e.at <= died_at for e in steps):
            continue  # it was over: there is nothing to go on with
        after = [e.at - died_at for e in steps if e.at > died_at]
        if after:
            found.append(round(min(after), 3))
    return found


def _hits(diary: Sequence[Entry]) -> set[tuple[str, float]]:
    """Jobs in hand when their process died, and when that was."""
    in_hand: dict[tuple[int, int], Entry] = {}
    dying: dict[int, float] = {}
    hits: set[tuple[str, float]] = set()
    for entry in diary:
        if entry.what is What.STRUCK and entry.detail.startswith(_KILLS):
            dying[entry.pid] = entry.at
        match entry.what:
            case What.BEGAN if entry.pid in dying:
                hits.add((entry.job_id, dying[entry.pid]))
            case What.BEGAN:
                in_hand[entry.pid, entry.thread] = entry
            case What.ENDED:
                in_hand.pop((entry.pid, entry.thread), None)
            case What.STRUCK | What.KILLED:
                dead = [key for key, e in in_hand.items() if _dies_with(e, entry)]
                hits |= {(in_hand.pop(key).job_id, entry.at) for key in dead}
            case _:
                pass
    return hits


def _dies_with(working: Entry, death: Entry) -> bool:
    if death.what is What.KILLED:
        return working.function == death.function
    return death.detail.startswith(_KILLS) and working.pid == death.pid


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share does not exceed; None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]
