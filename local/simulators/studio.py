"""Knows the life of a generation: waiting, throttled, running, ended; in real time."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from local.simulators.fault_kinds import DELIVERS, Kind
from local.simulators.render import Renderer, RenderStoppedError, Shape

_ENDLESS = (Kind.THROTTLED, Kind.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things take. Seconds from acceptance to the end, unless rendering is
    slower; `scale` shrinks the pixels, `concurrent` is the vendor's limit.
    """

    seconds: float = 6.0
    concurrent: int = 20
    cached: bool = False
    scale: float = 1.0


class Phase(StrEnum):
    PENDING = "pending"
    THROTTLED = "throttled"
    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`fate`: how it shall go wrong. `deliver` is called with the MP4 before the end,
    `ended` at the end, with whether there is a video; neither when it is stopped.
    """

    image: bytes
    shape: Shape
    fate: Kind | None
    deliver: Callable[[bytes], None]
    ended: Callable[[bool], None]

    @property
    def delivers(self) -> bool:
        return self.fate is None or self.fate in DELIVERS


class Generation:
    """One order being carried out; its attributes may be read from any thread."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.phase = Phase.PENDING
        self.problem: str | None = None
        self.rendered = 0.0
        self.started: float | None = None
        self.end_told = False
        self._stop = threading.Event()

    @property
    def is_final(self) -> bool:
        return self.phase in (Phase.ENDED, Phase.STOPPED)

    @property
    def has_video(self) -> bool:
        delivers = self.order.delivers and self.problem is None
        return self.phase is Phase.ENDED and delivers

    def is_deleted(self) -> bool:
        """Asked at each poll: whether the task is not to be found (any more)."""
        if self.order.fate is Kind.DELETED:
            return True
        if self.order.fate is not Kind.DELETED_LATER or not self.is_final:
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

    def end(self, problem: str | None = None) -> None:
        self.order.ended(problem is None and self.order.delivers)
        self.problem = problem
        self.phase = Phase.ENDED

    def on_progress(self, fraction: float) -> None:
        self.rendered = fraction
        self.wait(0)


class Studio:
    """Carries out orders, each in its own thread."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._renderer = Renderer(cached=pace.cached)
        self._slots = threading.BoundedSemaphore(pace.concurrent)
        self._threads: dict[Generation, threading.Thread] = {}
        self._lock = threading.Lock()

    def begin(self, order: Order) -> Generation:
        generation = Generation(order)
        thread = threading.Thread(target=self._work, args=(generation,), daemon=True)
        with self._lock:
            self._threads[generation] = thread
        thread.start()
        return generation

    def render(self, image: bytes, shape: Shape) -> bytes:
        """A video at once, outside any order."""
        return self._renderer.render(image, self._scaled(shape), lambda _: None)

    def close(self) -> None:
        with self._lock:
            threads = dict(self._threads)
        for generation in threads:
            generation.stop()
        for thread in threads.values():
            thread.join(2.0)

    def _work(self, generation: Generation) -> None:
        try:
            self._live(generation)
        except RenderStoppedError:
            generation.phase = Phase.STOPPED
        except Exception as error:  # noqa: BLE001 - the thread's end: told as a failure
            generation.end(f"{type(error).__name__}: {error}")
        else:
            generation.end()
        finally:
            with self._lock:
                del self._threads[generation]

    def _live(self, generation: Generation) -> None:
        generation.wait(self.pace.seconds * 0.1)
        if generation.order.fate is Kind.THROTTLED:
            generation.phase = Phase.THROTTLED
            generation.wait(None)
        self._take_slot(generation)
        try:
            self._run(generation)
        finally:
            self._slots.release()

    def _take_slot(self, generation: Generation) -> None:
        while not self._slots.acquire(timeout=0.05):
            generation.phase = Phase.THROTTLED
            generation.wait(0)

    def _run(self, generation: Generation) -> None:
        order = generation.order
        generation.started = time.monotonic()
        generation.phase = Phase.RUNNING
        if order.delivers:
            video = self._renderer.render(
                order.image, self._scaled(order.shape), generation.on_progress
            )
            passed = time.monotonic() - generation.started
            generation.wait(max(0.0, self.pace.seconds * 0.9 - passed))
            order.deliver(video)
        else:
            generation.rendered = 0.5
            generation.wait(None if order.fate in _ENDLESS else self.pace.seconds * 0.5)

    def _scaled(self, shape: Shape) -> Shape:
        scale = self.pace.scale
        return Shape(
            width=max(16, round(shape.width * scale / 2) * 2),
            height=max(16, round(shape.height * scale / 2) * 2),
            duration_seconds=shape.duration_seconds,
            audio=shape.audio,
        )
