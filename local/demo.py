"""The main job on a real image, shown live: what `make demo` runs."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from queue import Queue
from typing import Any

import av
import requests
from google.cloud import firestore
from PIL import Image, UnidentifiedImageError
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from local.identity import user_token
from local.stack import Stack, StackOptions
from shared.domain import fallback
from shared.domain.errors import ReelayError
from shared.domain.request import VideoRequest
from shared.settings import Settings

PROMPT = "The camera drifts slowly closer as the raccoon looks up, soft evening light"
USER = "demo"
SIMULATED_SECONDS = 14.0
LONGEST_WAIT_SECONDS = 35 * 60
REQUEST_SECONDS = 60
CHUNK_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    image: Path
    prompt: str
    model: str
    duration_seconds: int
    faults: str
    environ: Mapping[str, str]
    folder: Path


class Stopped(Exception):
    """The demo can't go on; the message says why and what to do."""


def run(options: DemoOptions) -> int:
    """0 where a video arrived."""
    console = Console(highlight=False)
    try:
        image_type = _image_type(options.image)
        stack = Stack(
            StackOptions(
                environ=options.environ,
                faults=options.faults,
                seconds=SIMULATED_SECONDS,
                say=lambda text: console.print(f"[dim]starting {text}[/]"),
            )
        )
        _say_who_is_asked(console, stack, options)
        with stack:
            return _Demo(options, stack, console).run(image_type)
    except Stopped as stopped:
        console.print(f"[red]{stopped}[/]")
        return 1


def _image_type(path: Path) -> str:
    try:
        with Image.open(path) as image:
            return Image.MIME.get(image.format or "", "")
    except FileNotFoundError:
        raise Stopped(f"There is no image {path}: set IMAGE to one.") from None
    except (UnidentifiedImageError, OSError):
        raise Stopped(f"{path} is not an image: use a JPEG, PNG or WebP.") from None


def _say_who_is_asked(console: Console, stack: Stack, options: DemoOptions) -> None:
    if not stack.vendors.real:
        console.print("No keys are set, so simulators are asked: this costs nothing.")
        return
    prices = _prices_usd(options, stack)
    console.print(
        f"[yellow]Keys are set, so the real providers are asked. The dearest link "
        f"costs ${max(prices)}; were every link to charge, ${sum(prices)} together.[/]"
    )
    if sys.stdin.isatty():
        console.input("Press Enter to go on, Ctrl-C to stop. ")


def _prices_usd(options: DemoOptions, stack: Stack) -> list[Decimal]:
    body = {"prompt": "-", "image": "-", "model": options.model}
    try:
        asked = VideoRequest.parse(body | {"duration": options.duration_seconds})
        known = Settings.from_env(
            dict(options.environ)
            | {"GOOGLE_CLOUD_PROJECT": stack.project, "BUCKET": "-"}
        )
    except ReelayError as error:
        raise Stopped(str(error)) from None
    planned = fallback.plan_chain(asked, known.chain, known.models)
    return [provider_id.price_usd for provider_id in planned]


class _Demo:
    """One job: upload, create, follow, save."""

    def __init__(self, options: DemoOptions, stack: Stack, console: Console) -> None:
        self._options, self._stack, self._console = options, stack, console
        token = user_token(stack.project, USER, admin=False, now=datetime.now(UTC))
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._api = stack.addresses["api"]

    def run(self, image_type: str) -> int:
        with self._session:
            image = self._upload(image_type)
            job = self._create(image)
            limit = job["estimated_cost_usd"]
            self._console.print(f"Job {job['job_id']}: costs at most ${limit}.")
            self._follow(job["job_id"])
            self._console.print()
            job = self._call("GET", f"/v1/videos/{job['job_id']}")
            path = self._save(job) if job["status"] == "completed" else None
        self._console.print(_attempts_table(job))
        return self._tell(job, path)

    def _upload(self, image_type: str) -> str:
        content = self._options.image.read_bytes()
        asked = {"content_type": image_type, "size": len(content)}
        upload = self._call("POST", "/v1/uploads", asked)
        put = requests.put(
            upload["upload_url"],
            data=content,
            headers=upload["headers"],
            timeout=REQUEST_SECONDS,
        )
        if not put.ok:
            raise Stopped(f"The image was not taken: {put.status_code}.")
        return str(upload["image"])

    def _create(self, image: str) -> dict[str, Any]:
        return self._call(
            "POST",
            "/v1/videos",
            {
                "prompt": self._options.prompt or PROMPT,
                "image": image,
                "duration": self._options.duration_seconds,
                "model": self._options.model,
            },
        )

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        url = self._api + path
        answer = self._session.request(method, url, json=body, timeout=REQUEST_SECONDS)
        content: dict[str, Any] = answer.json()
        if not answer.ok:
            wrong = [f"{e['field']} {e['message']}" for e in content.get("errors", [])]
            raise Stopped("; ".join([content.get("detail", "Refused"), *wrong]))
        return content

    def _follow(self, job_id: str) -> None:
        """Show each change that the Firestore listener brings, until the job ended."""
        news: Queue[dict[str, Any]] = Queue()
        # The client knows an emulator by this name alone.
        os.environ["FIRESTORE_EMULATOR_HOST"] = self._stack.addresses["firestore"]
        client: Any = firestore.Client(project=self._stack.project)

        def changed(found: list[Any], *_: object) -> None:
            for document in found:
                news.put(document.to_dict() or {})

        watch = client.collection("videos").document(job_id).on_snapshot(changed)
        try:
            self._show(news)
        finally:
            watch.unsubscribe()
            client.close()

    def _show(self, news: "Queue[dict[str, Any]]") -> None:
        seen = ""
        with Live(console=self._console, refresh_per_second=8) as live:
            while True:
                job = news.get(timeout=LONGEST_WAIT_SECONDS)
                live.update(_view(job))
                line = _line(job)
                if not self._console.is_terminal and line != seen:
                    self._console.print(line)
                seen = line
                if job.get("status") != "processing":
                    return

    def _save(self, job: Mapping[str, Any]) -> Path:
        self._options.folder.mkdir(exist_ok=True)
        path = self._options.folder / f"{job['job_id']}.mp4"
        with requests.get(
            job["video_url"], stream=True, timeout=REQUEST_SECONDS
        ) as answer:
            answer.raise_for_status()
            with path.open("wb") as file:
                for chunk in answer.iter_content(CHUNK_BYTES):
                    file.write(chunk)
        return path

    def _tell(self, job: Mapping[str, Any], path: Path | None) -> int:
        if path is None:
            self._console.print(f"[red]{job['error']['message']}[/]")
            return 1
        with av.open(str(path)) as video:
            image = video.streams.video[0]
            seconds = float(video.duration or 0) / av.time_base
            sound = "with sound" if video.streams.audio else "no sound"
            size = f"{image.width}x{image.height}"
        self._console.print(
            f"[green]{os.path.relpath(path)}[/]\n{seconds:.1f} s, {size}, {sound}, "
            f"{path.stat().st_size:,} bytes, made by {job['ai_model']}, "
            f"cost ${job['cost_usd']}"
            + ("" if self._stack.vendors.real else " (simulated)")
        )
        return 0


def _line(job: Mapping[str, Any]) -> str:
    who = job.get("ai_model") or "-"
    return f"{job.get('stage')} {job.get('progress')} % by {who}"


def _view(job: Mapping[str, Any]) -> Group:
    bar = ProgressBar(total=100, completed=job.get("progress", 0), width=40)
    failures = [
        Text(f"  {a['ai_model']}: {a['error']['message']}", style="yellow")
        for a in job.get("attempts", [])
        if a.get("error")
    ]
    return Group(Text(_line(job), style="bold"), bar, *failures)


def _attempts_table(job: Mapping[str, Any]) -> Table:
    table = Table(title="Attempts")
    for heading in ("provider", "outcome", "seconds", "cost", "why"):
        table.add_column(heading)
    for attempt in job["attempts"]:
        error = attempt["error"] or {}
        table.add_row(
            attempt["ai_model"],
            attempt["outcome"],
            _seconds(attempt),
            f"${Decimal(attempt['cost_usd'])}",
            error.get("code", ""),
        )
    table.add_section()
    table.add_row("", "", "", f"${Decimal(job['cost_usd'])}", "")
    return table


def _seconds(attempt: Mapping[str, Any]) -> str:
    if attempt["ended_at"] is None:
        return ""
    took = datetime.fromisoformat(attempt["ended_at"]) - datetime.fromisoformat(
        attempt["started_at"]
    )
    return f"{took.total_seconds():.1f}"
