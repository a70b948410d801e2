"""The life of a paid order at a vendor: waiting, throttled, running, ended."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from werkzeug import Request, Response

from local.fault_kinds import CHARGED, DELIVERS, RENDERED, Kind, Place, ProviderId
from local.faults import Fault, FaultPlan
from local.simulators.broken_answers import spoiled_object
from local.simulators.render import (
    FRAMES_PER_SECOND,
    Renderer,
    RenderStoppedError,
    Shape,
)
from local.simulators.submissions import Submission, SubmissionLog, telling_headers
from shared.domain.catalogue import PROVIDERS

_PENDING_SHARE = 0.1  # of the seconds of a generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things take. Seconds from acceptance to the end, unless rendering is
    slower; `scale` shrinks the sides, `concurrent` is the vendor's limit.
    """

    seconds: float = 6.0
    concurrent: int = 20
    cached: bool = False
    scale: float = 1.0
    frames_per_second: int = FRAMES_PER_SECOND


class Phase(StrEnum):
    PENDING = "pending"
    THROTTLED = "throttled"
    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`deliver` is called with the MP4 before the end, unless it is made to fail."""

    provider: ProviderId
    task_id: str
    model: str
    prompt: str
    image: bytes = field(repr=False)
    last_image: bytes | None = field(default=None, repr=False)
    shape: Shape
    cost_usd: Decimal
    deliver: Callable[[bytes], None] = lambda _: None


class Generation:
    """One order being carried out; its attributes may be read from any thread.

    `fate` is how it shall go wrong; `problem`, how it did by itself.
    """

    def __init__(self, order: Order, fate: Kind | None, pending_seconds: float) -> None:
        self.order = order
        self.fate = fate
        self.created_at = datetime.now(UTC)
        self.problem: str | None = None
        self.video: bytes | None = None
        self.rendered = 0.0
        self.started: float | None = None
        self.has_ended = False
        self.end_told = False
        self._stop = threading.Event()
        self._throttled_at = time.monotonic() + pending_seconds

    @property
    def phase(self) -> Phase:
        if self.has_ended:
            return Phase.ENDED
        if self._stop.is_set():
            return Phase.STOPPED
        if self.started is not None:
            return Phase.RUNNING
        is_throttled = time.monotonic() > self._throttled_at
        return Phase.THROTTLED if is_throttled else Phase.PENDING

    @property
    def delivers(self) -> bool:
        return self.fate is None or self.fate in DELIVERS

    @property
    def is_final(self) -> bool:
        return self.phase in (Phase.ENDED, Phase.STOPPED)

    @property
    def has_video(self) -> bool:
        return self.has_ended and self._went_well

    @property
    def charged_usd(self) -> Decimal:
        """What it costs to end like this."""
        is_charged = self._went_well or self.fate in CHARGED
        return self.order.cost_usd if is_charged else Decimal(0)

    @property
    def _went_well(self) -> bool:
        return self.delivers and self.problem is None

    def is_deleted(self) -> bool:
        """Asked at each poll: whether the task is not to be found (any more)."""
        if self.fate is Kind.DELETED:
            return True
        if self.fate is not Kind.DELETED_LATER or not self.is_final:
            return False
        was_told, self.end_told = self.end_told, True
        return was_told

    def progress(self, seconds: float) -> float:
        """0..0.99, of time and of rendering whichever is behind."""
        if self.started is None:
            return 0.0
        passed = (time.monotonic() - self.started) / max(seconds, 0.001)
        return round(min(passed, self.rendered, 0.99), 2)

    def stop(self) -> None:
        self._stop.set()

    def wait(self, seconds: float | None) -> None:
        """Raises RenderStoppedError when stopped meanwhile."""
        if self._stop.wait(seconds):
            raise RenderStoppedError

    def on_progress(self, fraction: float) -> None:
        self.rendered = fraction
        self.wait(0)


class Studio:
    """Takes orders, records them, and carries out so many at once."""

    def __init__(self, pace: Pace, plan: FaultPlan, log: SubmissionLog) -> None:
        self.pace, self._plan, self.log = pace, plan, log
        self._renderer = Renderer(cached=pace.cached)
        self._running = ThreadPoolExecutor(pace.concurrent)
        self._taken: dict[str, Generation] = {}

    def accept(
        self, order: Order, request: Request, fault: Fault | None = None
    ) -> Generation:
        """From here on it is paid for. `fault`: what goes wrong with the answer."""
        fate = self._plan.take(Place.TASK, order.provider)
        if fate and fate.kind is Kind.DOUBLE_PRICE:
            order = replace(order, cost_usd=order.cost_usd * 2)
        pending = self.pace.seconds * _PENDING_SHARE
        generation = Generation(order, fate.kind if fate else None, pending)
        wrong = fault or fate
        self.log.record(
            Submission(
                vendor=PROVIDERS[order.provider].vendor,
                provider=order.provider,
                task_id=order.task_id,
                model=order.model,
                duration_seconds=round(order.shape.duration_seconds),
                cost_usd=order.cost_usd,
                prompt=order.prompt,
                headers=telling_headers({k.lower(): v for k, v in request.headers}),
                fault=wrong.kind if wrong else None,
                at=generation.created_at,
            )
        )
        self._taken[order.task_id] = generation
        if generation.fate is not Kind.THROTTLED:
            self._running.submit(self._work, generation)
        return generation

    def find(self, task_id: str) -> Generation | None:
        return self._taken.get(task_id)

    def poll(self, task_id: str) -> Generation | None:
        """None where the vendor says that there is no such task."""
        found = self.find(task_id)
        return None if found is None or found.is_deleted() else found

    def cancel(self, generation: Generation, charged_usd: Decimal) -> None:
        generation.stop()
        self.log.settle(generation.order.task_id, charged_usd)

    def forget(self, task_id: str) -> Generation | None:
        return self._taken.pop(task_id, None)

    def file(
        self, generation: Generation, fault: Fault | None, request: Request
    ) -> Response:
        """The finished file over HTTP, with ranges."""
        video = self._spoiled(generation.order, generation.video or b"", fault)
        response = Response(video, mimetype="video/mp4")
        response.add_etag()
        return response.make_conditional(
            request, accept_ranges=True, complete_length=len(video)
        )

    def in_place(self, order: Order, video: bytes) -> bytes | None:
        """What is put into a bucket, or inline: a fetch goes wrong there."""
        fault = self._plan.take(Place.FETCH, order.provider)
        video = self._spoiled(order, video, fault)
        return spoiled_object(video, fault.kind) if fault else video

    def close(self) -> None:
        for generation in list(self._taken.values()):
            generation.stop()
        self._running.shutdown(cancel_futures=True)

    def _spoiled(self, order: Order, video: bytes, fault: Fault | None) -> bytes:
        if fault is None or fault.kind not in RENDERED:
            return video
        shape = self._simplified(order.shape.instead(fault.kind))
        last = order.last_image
        return self._renderer.render(order.image, shape, lambda _: None, last)

    def _work(self, generation: Generation) -> None:
        try:
            self._run(generation)
        except RenderStoppedError:
            return
        except Exception as error:  # noqa: BLE001 - the thread's end: told as a failure
            generation.problem = f"{type(error).__name__}: {error}"
        self.log.settle(generation.order.task_id, generation.charged_usd)
        generation.has_ended = True

    def _run(self, generation: Generation) -> None:
        order = generation.order
        generation.wait(self.pace.seconds * _PENDING_SHARE)
        generation.started = time.monotonic()
        if not generation.delivers:
            generation.rendered = 0.5
            is_endless = generation.fate is Kind.RUNNING
            generation.wait(None if is_endless else self.pace.seconds * 0.5)
            return
        shape = self._simplified(order.shape)
        video = self._renderer.render(
            order.image, shape, generation.on_progress, order.last_image
        )
        passed = time.monotonic() - generation.started
        generation.wait(max(0.0, self.pace.seconds * 0.9 - passed))
        generation.video = video
        order.deliver(video)

    def _simplified(self, shape: Shape) -> Shape:
        def side(pixels: int) -> int:
            return max(16, round(pixels * self.pace.scale / 2) * 2)

        return replace(
            shape,
            width=side(shape.width),
            height=side(shape.height),
            frames_per_second=self.pace.frames_per_second,
        )
