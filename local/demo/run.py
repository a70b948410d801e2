"""Runs the demo: starts the stack, creates the job, shows it live, saves the MP4."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from queue import Empty
from typing import Any

import av
from rich.console import Console
from rich.live import Live
from rich.status import Status

from local.demo import unfinished
from local.demo.client import DemoClient, Job
from local.demo.options import OUT, DemoError, DemoRequest
from local.demo.view import attempts_table, live, news, translation, usd
from local.stack import Stack, StackOptions
from local.vendors import choose

SIMULATED_SECONDS = 14.0
MAX_WAIT_SECONDS = 35 * 60
# The limit of a paid POST, and of the commit after it.
MAX_RESPONSE_SECONDS = 75.0
# Short, so that a resumed job continues at once.
RESUMED_SWEEP_SECONDS = 5.0
_TICK_SECONDS = 0.25
NEXT = "[dim]Next: make dev keeps the stack up, with its web page.[/]"
_NOT_SENT = "Stopped before anything was sent to a provider: nothing is paid."
_SIMULATED = "Stopped. Nothing is paid: simulated jobs end with the demo."
_PAID = (
    "Stopped, but the video may already be paid for, and {who} continues to make it. "
    "Resume it with\n\n    make demo RESUME={job_id}\n\nwithin a day; it isn't paid "
    "for twice."
)


@dataclass(slots=True, kw_only=True)
class Demo:
    """A run of the demo. `request` None: resumes the job that `job_id` names.

    `beforehand`: the lines, in rich's markup, that were printed before the job.
    """

    environ: Mapping[str, str]
    request: DemoRequest | None
    job_id: str = ""
    console: Console = field(default_factory=lambda: Console(highlight=False))
    job: Job = field(default_factory=dict)
    chain: Sequence[str] = ()
    folder: Path | None = None
    history: list[tuple[datetime, Job]] = field(default_factory=list)
    beforehand: list[str] = field(default_factory=list)

    def run(self) -> int:
        """The exit code: 0 if there is a video, 130 if interrupted, else 1."""
        with self.console.status("Starting the local stack …") as status:
            stack = self._stack(status)
            style = "yellow" if stack.vendors.real else "dim"
            self._say_beforehand(f"[{style}]{stack.money}[/]")
            try:
                stack.__enter__()
            except KeyboardInterrupt:
                self._say_stopped(stack)
                return 130
        client = DemoClient(stack)
        try:
            return self._run_job(client, stack)
        except KeyboardInterrupt:
            _ignore_signals()
            self._save_what_is_paid(client, stack)
            self._say_stopped(stack)
            return 130
        finally:
            _ignore_signals()
            client.close()
            self._stop(stack)

    def _say_beforehand(self, line: str) -> None:
        self.beforehand.append(line)
        self.console.print(line)

    def _stack(self, status: Status) -> Stack:
        def say(part: str) -> None:
            status.update(f"Starting {part} …")
            if not self.console.is_terminal:
                self.console.print(f"starting {part}")

        real, environ = choose(self.environ).real, dict(self.environ)
        if self.request is None:
            self.folder = unfinished.folder_of(self.job_id, real=real)
            project = unfinished.project_of(self.job_id, self.folder)
            environ["GOOGLE_CLOUD_PROJECT"] = project
        elif real:
            self.folder = unfinished.new_folder()
        sweep = RESUMED_SWEEP_SECONDS if self.request is None else 60.0
        return Stack(
            StackOptions(
                environ=environ,
                faults=self.request.faults if self.request else "",
                seconds=SIMULATED_SECONDS,
                folder=self.folder,
                sweep_every_seconds=sweep,
                say=say,
            )
        )

    def _stop(self, stack: Stack) -> None:
        with self.console.status("Stopping the local stack …"):
            stack.__exit__(None, None, None)
        is_unfinished = self.job.get("status") == "processing"
        if self.folder and not is_unfinished:
            unfinished.discard(self.folder)

    def _run_job(self, client: DemoClient, stack: Stack) -> int:
        if self.request is not None:
            self._create(client, stack, self.request)
        self.console.print(f"Job {self.job_id}\n")
        self._follow(client, stack)
        self.job = client.call("GET", f"/v1/videos/{self.job_id}")
        is_there = self.job["status"] == "completed"
        path = client.save(self.job, OUT) if is_there else None
        return self._say_result(path, stack)

    def _save_what_is_paid(self, client: DemoClient, stack: Stack) -> None:
        """Wait for the response to a paid request under way, then save the stack.

        Without the id of the provider's task, its video could never be fetched.
        """
        if not self.folder or not self.job_id:
            return
        with self.console.status("Waiting for the provider's answer …"):
            end = time.monotonic() + MAX_RESPONSE_SECONDS
            while client.is_sending(self.job_id) and time.monotonic() < end:
                time.sleep(_TICK_SECONDS)
            stack.save()

    def _create(self, client: DemoClient, stack: Stack, request: DemoRequest) -> None:
        if request.is_own_prompt:
            own = f"[dim]The demo's own prompt: {request.body['prompt']}[/]"
            self._say_beforehand(own)
        body = {**request.body, **client.uploads(request)}
        estimate = client.call("POST", "/v1/estimates", body)
        self.chain = [each["ai_model"] for each in estimate["links"]]
        if reasons := reason_for_no_video(estimate):
            raise DemoError(reasons)
        self._agree(stack, estimate, request)
        self.job = client.call("POST", "/v1/videos", body)
        self.job_id = self.job["job_id"]
        if self.folder:
            unfinished.mark(self.folder, self.job_id, project=stack.project)
            stack.save()

    def _agree(self, stack: Stack, estimate: Job, request: DemoRequest) -> None:
        text = price(estimate)
        if not stack.vendors.real:
            self._say_beforehand(f"[dim]{text} (simulated)[/]")
            return
        self._say_beforehand(f"[yellow]{text}[/]")
        if request.is_agreed:
            return
        try:
            self.console.input("Press Enter to go on, Ctrl-C to stop. ")
        except EOFError:
            raise KeyboardInterrupt from None

    def _follow(self, client: DemoClient, stack: Stack) -> None:
        screen = Live(console=self.console, auto_refresh=False)
        is_drawn = self.console.is_terminal
        silent = 0.0
        with client.following(self.job_id) as states, screen:
            while silent < MAX_WAIT_SECONDS:
                try:
                    seen, silent = states.get(timeout=_TICK_SECONDS), 0.0
                except Empty:
                    seen, silent = self.job, silent + _TICK_SECONDS
                now = datetime.now(UTC)
                if not is_drawn:
                    for line in news(self.job, seen, now):
                        self.console.print(line)
                self._record(stack, seen)
                if is_drawn:
                    screen.update(live(self.job, self.chain, now), refresh=True)
                if self.job.get("status") in ("completed", "failed"):
                    return
        raise DemoError("The job has not changed for 35 minutes.")

    def _record(self, stack: Stack, seen: Job) -> None:
        """Keep the new state; with real keys, save the stack if attempts changed."""
        is_new = seen.get("attempts") != self.job.get("attempts")
        if seen != self.job:
            self.history.append((datetime.now(UTC), seen))
        self.job = seen
        if self.folder and is_new:
            stack.save()

    def _say_stopped(self, stack: Stack) -> None:
        running = [a for a in self.job.get("attempts", []) if a["outcome"] == "running"]
        if not stack.vendors.real:
            self.console.print(_SIMULATED)
        elif not self.job_id:
            self.console.print(_NOT_SENT)
        else:
            who = running[0]["ai_model"] if running else "the provider"
            text = _PAID.format(who=who, job_id=self.job_id)
            self.console.print(f"[yellow]{text}[/]")

    def _say_result(self, path: Path | None, stack: Stack) -> int:
        self.console.print()
        if self.job["attempts"] or Decimal(self.job["cost_usd"]):
            self.console.print(attempts_table(self.job, width=self.console.width))
        if sent := translation(self.job, is_real=stack.vendors.real):
            self.console.print(sent, markup=False)
        if path is None:
            self.console.print(f"[red]{self.job['error']['message']}[/]")
            return 1
        self.console.print(result(self.job, path, is_real=stack.vendors.real))
        self.console.print(NEXT)
        return 0


def reason_for_no_video(estimate: Job) -> str:
    """Why no video would be made; empty if one may be."""
    if refused := estimate["refused"]:
        return f"No video was requested. {refused['message']}"
    if not all(each["skipped"] for each in estimate["links"]):
        return ""
    reasons = dict.fromkeys(each["message"] for each in estimate["links"])
    return "\n  ".join(["No provider can make this video:", *reasons])


def price(estimate: Job) -> str:
    """The price at the first provider to be asked, and the most that it can cost."""
    models = (each["ai_model"] for each in estimate["links"] if not each["skipped"])
    first = next(models, "the first provider")
    costs = usd(estimate["estimated_cost_usd"])
    most = usd(estimate["max_cost_usd"], ROUND_CEILING)
    return f"The video costs {costs} at {first}, {most} at most."


def result(job: Job, path: Path, *, is_real: bool) -> str:
    """Lines on where the video is, what it is, and what it cost."""
    shown, latest = os.path.relpath(path), os.path.relpath(OUT / "latest.mp4")
    also = "" if shown == latest else f" (also {latest})"
    simulated = "" if is_real else " (simulated)"
    return (
        f"[green][link={path.as_uri()}]{shown}[/link][/]{also}\n"
        f"{_facts(path)}\n"
        f"made by {job['ai_model']}, cost {usd(job['cost_usd'])}{simulated}"
    )


def _ignore_signals() -> None:
    """Another Ctrl-C must neither lose a paid video nor leave a process behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _facts(path: Path) -> str:
    with av.open(str(path)) as video:
        stream: Any = video.streams.video[0]
        seconds = float(video.duration or 0) / av.time_base
        sound = "with sound" if video.streams.audio else "no sound"
        size = f"{stream.width}x{stream.height}"
    return f"{seconds:.1f} s, {size}, {sound}, {path.stat().st_size:,} bytes"
