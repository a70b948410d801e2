"""Renders a job for the terminal: a row per provider, at widths down to 44 columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Job = Mapping[str, Any]
_NAME_WIDTH, _BAR_WIDTH = 18, 24
_CENT = Decimal("0.01")
_RUNNING = ("▶", "bold cyan", "running")
_ENDED = {
    "succeeded": ("✓", "green", "delivered"),
    "skipped": ("–", "dim", "skipped"),
    "cancelled": ("✗", "yellow", "cancelled"),
    "unknown": ("?", "yellow", "no answer"),
    "rejected": ("✗", "yellow", "rejected"),
    "not_sent": ("✗", "yellow", "not sent"),
    "failed": ("✗", "yellow", "failed"),
}
_STAGES = {
    "queued": "waiting to start",
    "waiting_for_provider": "waiting for the provider",
    "generating": "making it",
    "storing": "fetching it",
    "done": "done",
}

# Stages that the attempts don't show.
_NEWS = ("waiting_for_provider", "storing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A provider's row. `words`: why it failed or was skipped."""

    name: str
    mark: str
    style: str
    state: str
    words: str = ""


def rows(job: Job, chain: Sequence[str], now: datetime) -> Sequence[Row]:
    """All attempts in order, then the providers of the chain that may still follow."""
    attempts = job.get("attempts", [])
    shown = [_row(attempt, job, now) for attempt in attempts]
    attempted = {attempt["ai_model"] for attempt in attempts}
    is_over = job.get("status", "processing") != "processing"
    state = "not needed" if is_over else "next" if not attempts else "waiting"
    return [
        *shown,
        *(
            Row(name=name, mark="○", style="dim", state=state)
            for name in chain
            if name not in attempted
        ),
    ]


def _row(attempt: Job, job: Job, now: datetime) -> Row:
    took, name = _seconds(attempt, now), attempt["ai_model"]
    if attempt["outcome"] == "running":
        state = f"{job.get('progress', 0):>3} %  {took:.0f} s"
        mark, style, _ = _RUNNING
        return Row(name=name, mark=mark, style=style, state=state)
    mark, style, state = _ENDED[attempt["outcome"]]
    if attempt["outcome"] != "skipped":
        state += f" after {took:.1f} s"
    words = (attempt["error"] or {}).get("message", "")
    return Row(name=name, mark=mark, style=style, state=state, words=words)


def _seconds(attempt: Job, now: datetime) -> float:
    started, ended = attempt["started_at"], attempt["ended_at"]
    if started is None:
        return 0.0
    end = _moment(ended) if ended else now
    return max(0.0, (end - _moment(started)).total_seconds())


def _moment(value: Any) -> datetime:
    """A datetime, which Firestore gives as such and the API as text."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def live(job: Job, chain: Sequence[str], now: datetime) -> Group:
    lines: list[Text | Padding] = []
    for row in rows(job, chain, now):
        head = f"{row.mark} {row.name:<{_NAME_WIDTH}}"
        lines.append(Text.assemble((head, row.style), (row.state, row.style)))
        if row.words:
            lines.append(Padding(Text(row.words, style="dim"), (0, 0, 0, 2)))
    return Group(*lines, Text(), _bar(job))


def _bar(job: Job) -> Text:
    progress = int(job.get("progress", 0))
    full = progress * _BAR_WIDTH // 100
    stage = job.get("stage", "queued")
    text = "failed" if job.get("status") == "failed" else _STAGES.get(stage, stage)
    return Text.assemble(
        ("━" * full, "green"), ("─" * (_BAR_WIDTH - full), "dim"), f" {text}"
    )


def news(before: Job, job: Job, now: datetime) -> list[str]:
    """Plain lines for what has changed, for output that is not a terminal."""
    old = {row.name: row for row in rows(before, (), now)}
    lines, whose = [], ""
    for row in rows(job, (), now):
        if row.mark == "▶":
            whose = f"{row.name}: "
            if row.name not in old:
                lines.append(f"{row.name}: started")
        elif old.get(row.name) is None or old[row.name].mark == "▶":
            words = f". {row.words}" if row.words else ""
            lines.append(f"{row.name}: {row.state}{words}")
    stage = job.get("stage")
    if stage != before.get("stage") and stage in _NEWS:
        lines.append(whose + _STAGES[stage])
    return lines


def translation(job: Job, *, is_real: bool) -> str | None:
    """The prompt that was sent, if it differs from the one that was given."""
    sent = job.get("prompt_sent")
    if not sent or sent == job["prompt"]:
        return None
    simulated = "" if is_real else " (simulated: a real model translates it)"
    return f"Sent in English{simulated}: {sent}"


def usd(amount: object, rounding: str = ROUND_HALF_UP) -> str:
    """To the cent."""
    exact = Decimal(str(amount))
    rounded = exact.quantize(_CENT, rounding)
    return "<$0.01" if 0 < exact < _CENT else f"${rounded}"


def attempts_table(job: Job, *, width: int) -> Table:
    """A table that fits `width`: without seconds and reasons below 60 columns."""
    is_wide = width >= 60
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("provider", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    if is_wide:
        table.add_column("seconds", justify="right")
    table.add_column("cost", justify="right", no_wrap=True)
    if is_wide:
        table.add_column("why")

    def add(name: str, outcome: str, seconds: str, cost: object, why: str) -> None:
        cells = (name, outcome, seconds, usd(cost), why)
        table.add_row(*(cells if is_wide else (name, outcome, usd(cost))))

    for attempt in job["attempts"]:
        took = _seconds(attempt, _moment(attempt["ended_at"] or job["updated_at"]))
        seconds = "" if attempt["outcome"] == "skipped" else f"{took:.1f}"
        code = (attempt["error"] or {}).get("code", "")
        _, _, outcome = _ENDED.get(attempt["outcome"], _RUNNING)
        add(attempt["ai_model"], outcome, seconds, attempt["cost_usd"], code)
    made = sum(Decimal(attempt["cost_usd"]) for attempt in job["attempts"])
    translating = Decimal(job["cost_usd"]) - made
    if translating > 0:
        add("translation", "", "", translating, "")
    add("total", "", "", job["cost_usd"], "")
    return table
