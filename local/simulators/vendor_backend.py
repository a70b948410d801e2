"""A vendor's backend: runs each paid order from pending to its end."""

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
from local.simulators.broken_responses import spoiled_object
from local.simulators.render import (
    FRAMES_PER_SECOND,
    Renderer,
    RenderStoppedError,
    Shape,
)
from shared.domain.catalogue import PROVIDERS, Vendor

LATE_POLLS = 2  # that report success but show no video yet
_CONCURRENT = 20  # generations at once, as a vendor limits them
_PENDING_SHARE = 0.1  # of a generation's seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`seconds`: from acceptance to the end, unless rendering is slower.

    `scale`: shrinks the video's sides.
    """

    seconds: float
    scale: float = 1.0
    frames_per_second: int = FRAMES_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An accepted order, whatever happened to its response and its video."""

    vendor: Vendor
    task_id: str
    cost_usd: Decimal
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidTranslation:
    """A response of the translating model."""

    prompt: str
    cost_usd: Decimal


class Phase(StrEnum):
    PENDING = "pending"
    THROTTLED = "throttled"
    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOrder:
    """`deliver`: called with the MP4 before the end, unless the order is to fail."""

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
    """An order in progress; its attributes may be read from any thread.

    `fate`: the fault injected into it. `problem`: an error of the simulator itself.
    """

    def __init__(
        self, order: VideoOrder, fate: Kind | None, pending_seconds: float
    ) -> None:
        self.order = order
        self.fate = fate
        self.created_at = datetime.now(UTC)
        self.problem: str | None = None
        self.video: bytes | None = None
        self.rendered = 0.0
        self.started: float | None = None
        self.has_ended = False
        self.end_reported = False
        self._late_polls = 0
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
        """What the vendor charges for this end."""
        is_charged = self._went_well or self.fate in CHARGED
        return self.order.cost_usd if is_charged else Decimal(0)

    @property
    def _went_well(self) -> bool:
        return self.delivers and self.problem is None

    def is_deleted(self) -> bool:
        """Whether the task is gone; called once per poll, as a poll may be the last."""
        if self.fate is Kind.DELETED:
            return True
        if self.fate is not Kind.DELETED_LATER or not self.is_final:
            return False
        was_reported, self.end_reported = self.end_reported, True
        return was_reported

    def shows_video(self) -> bool:
        """Whether a poll shows the video; called at each poll after the end."""
        if self.fate is Kind.LATE_OUTPUT:
            self._late_polls += 1
            return self.has_video and self._late_polls > LATE_POLLS
        return self.has_video

    def progress(self, seconds: float) -> float:
        """From 0 to 0.99: the lesser of the time passed and the frames rendered."""
        if self.started is None:
            return 0.0
        passed = (time.monotonic() - self.started) / max(seconds, 0.001)
        return round(min(passed, self.rendered, 0.99), 2)

    def stop(self) -> None:
        self._stop.set()

    def wait(self, seconds: float | None) -> None:
        """Raises RenderStoppedError if it is stopped meanwhile."""
        if self._stop.wait(seconds):
            raise RenderStoppedError

    def on_progress(self, fraction: float) -> None:
        self.rendered = fraction
        self.wait(0)


class VendorBackend:
    """Accepts and records orders, and runs a limited number of them at once."""

    def __init__(self, pace: Pace, plan: FaultPlan) -> None:
        self.pace, self._plan = pace, plan
        self.submissions: list[Submission] = []
        self.translations: list[PaidTranslation] = []
        self._renderer = Renderer()
        self._running = ThreadPoolExecutor(_CONCURRENT)
        self._generations: dict[str, Generation] = {}

    def accept(self, order: VideoOrder) -> Generation:
        """Accept an order, which is paid for from here on."""
        fate = self._plan.take(Place.TASK, order.provider)
        if fate and fate.kind is Kind.DOUBLE_PRICE:
            order = replace(order, cost_usd=order.cost_usd * 2)
        pending = self.pace.seconds * _PENDING_SHARE
        generation = Generation(order, fate.kind if fate else None, pending)
        self.submissions.append(
            Submission(
                vendor=PROVIDERS[order.provider].vendor,
                task_id=order.task_id,
                cost_usd=order.cost_usd,
                prompt=order.prompt,
            )
        )
        self._generations[order.task_id] = generation
        if generation.fate is not Kind.THROTTLED:
            self._running.submit(self._work, generation)
        return generation

    def find(self, task_id: str) -> Generation | None:
        return self._generations.get(task_id)

    def poll(self, task_id: str) -> Generation | None:
        """None if the vendor answers that there is no such task."""
        found = self.find(task_id)
        return None if found is None or found.is_deleted() else found

    def forget(self, task_id: str) -> Generation | None:
        return self._generations.pop(task_id, None)

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

    def in_place(self, order: VideoOrder, video: bytes) -> bytes | None:
        """The file for a bucket or inline, under a fault of fetching; None: no file."""
        fault = self._plan.take(Place.FETCH, order.provider)
        video = self._spoiled(order, video, fault)
        return spoiled_object(video, fault.kind) if fault else video

    def close(self) -> None:
        for generation in list(self._generations.values()):
            generation.stop()
        self._running.shutdown(cancel_futures=True)

    def _spoiled(self, order: VideoOrder, video: bytes, fault: Fault | None) -> bytes:
        if fault is None or fault.kind not in RENDERED:
            return video
        shape = self._simplified(order.shape.under_fault(fault.kind))
        last = order.last_image
        return self._renderer.render(order.image, shape, lambda _: None, last)

    def _work(self, generation: Generation) -> None:
        try:
            self._run(generation)
        except RenderStoppedError:
            return
        except Exception as error:  # noqa: BLE001 - the thread's entry point: reported as a failure
            generation.problem = f"{type(error).__name__}: {error}"
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
