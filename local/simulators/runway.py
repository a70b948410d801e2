"""Knows Runway's API as its SDK and plain HTTP speak it: tasks, credits, outputs."""

import re
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from local.simulators.command import command_line, pace_of, serve
from local.simulators.downloads import file_reply
from local.simulators.fault_kinds import RENDERED, Kind, Place, ProviderId
from local.simulators.faults import Fault, FaultPlan
from local.simulators.messages import Reply, Request, Route, json_reply
from local.simulators.runway_orders import (
    CREDITS_PER_SECOND,
    RefusedOrderError,
    RunwayOrder,
    issue_at,
    parse_order,
)
from local.simulators.runway_outputs import OutputAddresses, task_of
from local.simulators.runway_words import (
    FAILURES,
    error_reply,
    failure_of,
    is_charged,
    validation_reply,
)
from local.simulators.server import SimulatorServer
from local.simulators.studio import Generation, Order, Pace, Phase, Studio
from local.simulators.submissions import (
    Submission,
    SubmissionLog,
    now,
    telling_headers,
)

VENDOR = "runway"
API_VERSION = "2024-11-06"
USD_PER_CREDIT = Decimal("0.01")
_SDK_AGENT = "RunwayML/Python"
_TASK = re.compile(r"/v1/tasks/([^/]+)")
_UNKNOWN_STATUS = "MIGRATING"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunwayOptions:
    pace: Pace = field(default_factory=Pace)
    credit_balance: int = 1_000_000
    output_seconds: float = 24 * 3600.0  # how long an output's address works


@dataclass(slots=True, kw_only=True)
class _Task:
    id: str
    provider: ProviderId
    order: RunwayOrder
    generation: Generation
    credits: int
    video: list[bytes]
    created_at: datetime


class Runway:
    """The API without the wire. Which link asks is read from the User-Agent."""

    def __init__(
        self, options: RunwayOptions, plan: FaultPlan, log: SubmissionLog
    ) -> None:
        self._options = options
        self._plan = plan
        self._log = log
        self._studio = Studio(options.pace)
        self._tasks: dict[str, _Task] = {}
        self._lock = threading.Lock()
        self._outputs = OutputAddresses(options.output_seconds)

    def error(self, kind: Kind) -> Reply:
        return error_reply(kind)

    def close(self) -> None:
        self._studio.close()

    def route(self, request: Request) -> Route:
        sdk = request.headers.get("user-agent", "").startswith(_SDK_AGENT)
        provider = ProviderId.RUNWAY if sdk else ProviderId.RUNWAY_HTTP
        if task_id := task_of(request):
            return self._output_route(task_id, provider)
        place, name, answer = self._api(request)
        return Route(
            name=name,
            provider=provider,
            place=place,
            answer=_authenticated(answer),
        )

    def _output_route(self, task_id: str, asking: ProviderId) -> Route:
        task = self._tasks.get(task_id)
        return Route(
            name="/outputs/{id}",
            provider=task.provider if task else asking,
            place=Place.FETCH,
            answer=lambda request, fault: self._output(task_id, request, fault),
        )

    def _api(
        self, request: Request
    ) -> tuple[Place | None, str, Callable[[Request, Fault | None], Reply]]:
        task = _TASK.fullmatch(request.path)
        match request.method, request.path:
            case "POST", "/v1/image_to_video":
                return Place.START, request.path, self._start
            case "GET", "/v1/organization":
                return None, request.path, self._organization
            case "GET", _ if task:
                return Place.POLL, "/v1/tasks/{id}", self._poll
            case "DELETE", _ if task:
                return Place.CANCEL, "/v1/tasks/{id}", self._cancel
            case _:
                return None, request.path, lambda *_: error_reply(Kind.NOT_FOUND)

    def _start(self, request: Request, fault: Fault | None) -> Reply:
        try:
            order = parse_order(request.body)
        except RefusedOrderError as error:
            return validation_reply(error.issues)
        if order.credits > self._balance():
            return error_reply(Kind.OUT_OF_CREDITS)
        task = self._accept(order, request, fault)
        body = {"id": task.id, "estimatedCost": {"credits": task.credits}}
        return json_reply(200, body, accepted=task.id)

    def _accept(
        self, order: RunwayOrder, request: Request, fault: Fault | None
    ) -> _Task:
        provider = self.route(request).provider or ProviderId.RUNWAY_HTTP
        fate = self._plan.take(provider, Place.TASK)
        doubled = fate is not None and fate.kind is Kind.DOUBLE_PRICE
        credits = order.credits * (2 if doubled else 1)
        submission = Submission(
            vendor=VENDOR,
            provider=provider,
            task_id=str(uuid.uuid4()),
            model=order.model,
            duration_seconds=round(order.shape.duration_seconds),
            cost_usd=credits * USD_PER_CREDIT,
            credits=credits,
            prompt=order.prompt,
            headers=telling_headers(request.headers),
            fault=fault.kind if fault else fate.kind if fate else None,
            at=now(),
        )
        self._log.record(submission)
        return self._begin(order, submission, fate.kind if fate else None)

    def _begin(
        self, order: RunwayOrder, submission: Submission, fate: Kind | None
    ) -> _Task:
        video: list[bytes] = []
        task_id, credits = submission.task_id, submission.credits or 0

        def ended(has_video: bool) -> None:  # noqa: FBT001 - what Order calls
            full = has_video or is_charged(fate)
            self._settle(task_id, credits if full else 0)

        generation = self._studio.begin(
            Order(
                image=order.image,
                shape=order.shape,
                fate=fate,
                deliver=video.append,
                ended=ended,
            )
        )
        task = _Task(
            id=task_id,
            provider=submission.provider,
            order=order,
            generation=generation,
            credits=credits,
            video=video,
            created_at=submission.at,
        )
        with self._lock:
            self._tasks[task_id] = task
        return task

    def _poll(self, request: Request, _: Fault | None) -> Reply:
        task = self._tasks.get(request.path.rpartition("/")[2])
        if task is None or task.generation.is_deleted():
            return error_reply(Kind.NOT_FOUND)
        created = task.created_at.isoformat(timespec="milliseconds")
        body = {"id": task.id, "createdAt": created.replace("+00:00", "Z")}
        return json_reply(200, body | self._state(task, request.address))

    def _state(self, task: _Task, address: str) -> dict[str, object]:
        generation = task.generation
        if generation.is_final:
            return self._end(task, address)
        state: dict[str, object] = {
            "status": generation.phase.upper(),
            "estimatedCost": {"credits": task.credits},
        }
        if generation.order.fate is Kind.UNKNOWN_STATUS:
            return state | {"status": _UNKNOWN_STATUS}
        if generation.phase is Phase.RUNNING:
            state["progress"] = generation.progress(self._options.pace.seconds)
        return state

    def _end(self, task: _Task, address: str) -> dict[str, object]:
        fate = task.generation.order.fate
        full = task.generation.has_video or is_charged(fate)
        end: dict[str, object] = {
            "status": "CANCELLED",
            "cost": {"credits": task.credits if full else 0},
        }
        if task.generation.has_video:
            output = [self._outputs.address(address, task.id)]
            return end | {"status": "SUCCEEDED", "output": output}
        if fate in FAILURES or task.generation.problem:
            known = fate if fate in FAILURES else None
            return end | {"status": "FAILED"} | failure_of(known)
        return end

    def _cancel(self, request: Request, _: Fault | None) -> Reply:
        with self._lock:
            task = self._tasks.pop(request.path.rpartition("/")[2], None)
        if task is None:
            return error_reply(Kind.NOT_FOUND)
        refunded = task.generation.phase in (Phase.PENDING, Phase.THROTTLED)
        self._settle(task.id, 0 if refunded else task.credits)
        task.generation.stop()
        return Reply(status=204)

    def _settle(self, task_id: str, credits: int) -> None:
        self._log.settle(task_id, credits * USD_PER_CREDIT)

    def _balance(self) -> int:
        """Credits left; what is in flight counts as spent."""
        spent = sum(
            each.cost_usd if each.charged_usd is None else each.charged_usd
            for each in self._log.all()
        )
        return self._options.credit_balance - round(spent / USD_PER_CREDIT)

    def _organization(self, _: Request, __: Fault | None) -> Reply:
        models = [each.model for each in self._log.all()]
        limits = {
            "maxConcurrentGenerations": self._options.pace.concurrent,
            "maxDailyGenerations": 30_000,
        }
        used = {m: {"dailyGenerations": models.count(m)} for m in CREDITS_PER_SECOND}
        tier = {
            "maxMonthlyCreditSpend": 10_000_000,
            "models": dict.fromkeys(CREDITS_PER_SECOND, limits),
        }
        balance = self._balance()
        return json_reply(
            200, {"creditBalance": balance, "tier": tier, "usage": {"models": used}}
        )

    def _output(self, task_id: str, request: Request, fault: Fault | None) -> Reply:
        task = self._tasks.get(task_id)
        if task is None or not self._outputs.allows(request, task_id):
            return error_reply(Kind.FORBIDDEN)
        if not task.video or task.generation.end_told:
            return error_reply(Kind.NOT_FOUND)
        video = task.video[0]
        if fault and fault.kind in RENDERED:
            shape = task.order.shape.instead(fault.kind)
            video = self._studio.render(task.order.image, shape)
        return file_reply(request, video, "video/mp4")


def _authenticated(
    answer: Callable[[Request, Fault | None], Reply],
) -> Callable[[Request, Fault | None], Reply]:
    """Refuses who shows no key, then who names no version of the API."""

    def checked(request: Request, fault: Fault | None) -> Reply:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key.strip():
            return error_reply(Kind.UNAUTHENTICATED)
        if request.headers.get("x-runway-version") != API_VERSION:
            issue = issue_at("X-Runway-Version", f"Expected {API_VERSION}")
            return validation_reply([issue])
        return answer(request, fault)

    return checked


def runway_simulator(
    options: RunwayOptions | None = None,
    *,
    faults: Iterable[Fault] = (),
    port: int = 0,
) -> SimulatorServer:
    """A running server; a context manager that ends it. `.address` is its base URL."""
    plan, log = FaultPlan(faults), SubmissionLog()
    application = Runway(options or RunwayOptions(), plan, log)
    return SimulatorServer(application, plan, log, port)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = command_line("A simulator of Runway's API.")
    parser.add_argument("--credits", type=int, default=1_000_000)
    parser.add_argument("--output-seconds", type=float, default=24 * 3600.0)
    asked = parser.parse_args(arguments)
    options = RunwayOptions(
        pace=pace_of(asked),
        credit_balance=asked.credits,
        output_seconds=asked.output_seconds,
    )
    serve(runway_simulator(options, faults=asked.faults, port=asked.port))


if __name__ == "__main__":
    main()
