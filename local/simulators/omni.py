"""Knows Gemini Omni at the Gemini API: interactions, files, an API key."""

import base64
import json
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from local.simulators import google_words as words
from local.simulators.downloads import file_reply
from local.simulators.fault_kinds import RENDERED, Kind, Place, ProviderId
from local.simulators.faults import Fault, FaultPlan
from local.simulators.images import ImageError
from local.simulators.messages import Reply, Request, Route, json_reply
from local.simulators.omni_orders import (
    MODELS,
    Creation,
    parse_creation,
)
from local.simulators.studio import Generation, Order, Phase, Studio
from local.simulators.submissions import (
    Submission,
    SubmissionLog,
    now,
    telling_headers,
)
from local.simulators.veo_orders import RefusedOrderError
from local.simulators.wire_faults import spoiled_object

VENDOR = "gemini-api"
_TOKENS_PER_SECOND = 5792
_VERSION = r"/(?:v1|v1beta)"
_INTERACTIONS = re.compile(_VERSION + r"/interactions")
_INTERACTION = re.compile(_VERSION + r"/interactions/([^/]+)")
_CANCEL = re.compile(_VERSION + r"/interactions/([^/]+)/cancel")
_FILE = re.compile(_VERSION + r"/files/([a-z0-9]+):download")
_RETIRED = re.compile(r"veo-.*")


_STATUS = {
    Kind.FAILED: "failed",
    Kind.FAILED_SAFETY: "failed",
    Kind.CANCELLED: "cancelled",
    Kind.INCOMPLETE: "incomplete",
    Kind.REQUIRES_ACTION: "requires_action",
    Kind.BUDGET_EXCEEDED: "budget_exceeded",
}
_ERRORS = {
    Kind.FAILED: {"code": "INTERNAL", "message": words.INTERNAL},
    Kind.FAILED_SAFETY: {"code": "SAFETY", "message": "blocked"},
}


@dataclass(slots=True, kw_only=True)
class _Interaction:
    id: str
    file_id: str
    creation: Creation
    generation: Generation
    video: list[bytes]
    created_at: datetime
    updated_at: datetime


class Omni:
    """Background interactions that make a video."""

    def __init__(
        self,
        studio: Studio,
        retired: frozenset[str],
        files_address: str | None,
        plan: FaultPlan,
        log: SubmissionLog,
    ) -> None:
        self._studio = studio
        self._retired = retired
        self._files_address = files_address
        self._plan = plan
        self._log = log
        self._interactions: dict[str, _Interaction] = {}
        self._lock = threading.Lock()

    def route(self, request: Request) -> Route | None:
        routes: tuple[tuple[str, re.Pattern[str], str, Place, _Answer], ...] = (
            ("POST", _INTERACTIONS, "", Place.START, self._start),
            ("POST", _CANCEL, "/{id}/cancel", Place.CANCEL, self._cancel),
            ("GET", _INTERACTION, "/{id}", Place.POLL, self._poll),
            ("GET", _FILE, "/files/{id}:download", Place.FETCH, self._download),
        )
        for method, pattern, ending, place, answer in routes:
            if request.method == method and pattern.fullmatch(request.path):
                version = "/" + request.path.split("/")[1]
                folder = "" if place is Place.FETCH else "/interactions"
                return Route(
                    name=version + folder + ending,
                    provider=ProviderId.OMNI,
                    place=place,
                    answer=_with_key(answer),
                )
        return None

    def _start(self, request: Request, fault: Fault | None) -> Reply:
        try:
            body = json.loads(request.body)
            model = body["model"]
        except (json.JSONDecodeError, KeyError, TypeError):
            return words.error_reply(Kind.BAD_REQUEST, "A model is required.")
        if model not in MODELS or model in self._retired:
            return words.error_reply(Kind.NOT_FOUND, self._no_model(str(model)))
        try:
            creation = parse_creation(body)
        except (RefusedOrderError, ImageError) as error:
            return words.error_reply(Kind.BAD_REQUEST, str(error))
        interaction = self._begin(creation, request, fault)
        return json_reply(200, _head(interaction), accepted=interaction.id)

    def _no_model(self, model: str) -> str:
        if model in self._retired or _RETIRED.fullmatch(model):
            return f"This model models/{model} is no longer available."
        return f"models/{model} is not found, or is not supported for interactions."

    def _begin(
        self, creation: Creation, request: Request, fault: Fault | None
    ) -> _Interaction:
        fate = self._plan.take(ProviderId.OMNI, Place.TASK)
        interaction_id = f"v1_{secrets.token_urlsafe(24)}"
        self._log.record(
            Submission(
                vendor=VENDOR,
                provider=ProviderId.OMNI,
                task_id=interaction_id,
                model=creation.model,
                duration_seconds=round(creation.shape.duration_seconds),
                cost_usd=creation.cost_usd,
                credits=None,
                prompt=creation.prompt,
                headers=telling_headers(request.headers),
                fault=fault.kind if fault else fate.kind if fate else None,
                at=now(),
            )
        )
        return self._kept(interaction_id, creation, fate.kind if fate else None)

    def _kept(
        self, interaction_id: str, creation: Creation, fate: Kind | None
    ) -> _Interaction:
        video: list[bytes] = []
        order = Order(
            image=creation.image,
            shape=creation.shape,
            fate=fate,
            deliver=lambda made: video.append(self._delivered(creation, made)),
            ended=lambda has_video: self._log.settle(
                interaction_id, creation.cost_usd if has_video else Decimal(0)
            ),
        )
        interaction = _Interaction(
            id=interaction_id,
            file_id=secrets.token_hex(6),
            creation=creation,
            generation=self._studio.begin(order),
            video=video,
            created_at=now(),
            updated_at=now(),
        )
        with self._lock:
            self._interactions[interaction_id] = interaction
        return interaction

    def _delivered(self, creation: Creation, video: bytes) -> bytes:
        """Inline, a fetch goes wrong here; by address, when it is fetched."""
        fault = (
            self._plan.take(ProviderId.OMNI, Place.FETCH) if creation.inline else None
        )
        if fault is None:
            return video
        if fault.kind in RENDERED:
            video = self._instead(creation, fault.kind)
        return spoiled_object(video, fault.kind) or b""

    def _instead(self, creation: Creation, kind: Kind) -> bytes:
        shape = creation.shape.instead(kind)
        return self._studio.render(creation.image, shape)

    def _poll(self, request: Request, _: Fault | None) -> Reply:
        interaction = self._found(_INTERACTION, request)
        if interaction is None or interaction.generation.is_deleted():
            return words.error_reply(Kind.NOT_FOUND)
        address = self._files_address or request.address
        return json_reply(200, _whole(interaction, address))

    def _cancel(self, request: Request, _: Fault | None) -> Reply:
        interaction = self._found(_CANCEL, request)
        if interaction is None:
            return words.error_reply(Kind.NOT_FOUND)
        if not interaction.generation.is_final:
            interaction.generation.stop()
            interaction.updated_at = now()
            self._log.settle(interaction.id, interaction.creation.cost_usd)
            return json_reply(200, _head(interaction) | {"status": "cancelled"})
        address = self._files_address or request.address
        return json_reply(200, _whole(interaction, address))

    def _download(self, request: Request, fault: Fault | None) -> Reply:
        matched = _FILE.fullmatch(request.path)
        assert matched is not None
        for each in list(self._interactions.values()):
            is_gone = each.generation.end_told or not each.video
            if each.file_id == matched[1] and not is_gone:
                video = each.video[0]
                if fault and fault.kind in RENDERED:
                    video = self._instead(each.creation, fault.kind)
                return file_reply(request, video, "video/mp4")
        return words.error_reply(Kind.FORBIDDEN)

    def _found(self, pattern: re.Pattern[str], request: Request) -> _Interaction | None:
        matched = pattern.fullmatch(request.path)
        return self._interactions.get(matched[1]) if matched else None


_Answer = Callable[[Request, Fault | None], Reply]


def _with_key(answer: _Answer) -> _Answer:
    def checked(request: Request, fault: Fault | None) -> Reply:
        if request.headers.get("x-goog-api-key") or request.query.get("key"):
            return answer(request, fault)
        text = "Method doesn't allow unregistered callers. Please use an API key."
        return words.error_reply(Kind.FORBIDDEN, text)

    return checked


def _head(interaction: _Interaction) -> dict[str, object]:
    return {
        "id": interaction.id,
        "object": "interaction",
        "model": interaction.creation.model,
        "status": _status(interaction.generation),
        "created": _written(interaction.created_at),
        "updated": _written(interaction.updated_at),
    }


def _status(generation: Generation) -> str:
    fate = generation.order.fate
    if generation.phase is Phase.STOPPED:
        return "cancelled"
    if generation.phase is not Phase.ENDED:
        return "migrating" if fate is Kind.UNKNOWN_STATUS else "in_progress"
    if generation.problem is not None:
        return "failed"
    return _STATUS.get(fate, "completed") if fate else "completed"


def _whole(interaction: _Interaction, address: str) -> dict[str, object]:
    """What a GET says: errors when it failed, steps when it completed."""
    head, generation = _head(interaction), interaction.generation
    fate = generation.order.fate
    if head["status"] == "failed":
        error = _ERRORS.get(fate or Kind.FAILED, _ERRORS[Kind.FAILED])
        return head | {"errors": [error]}
    if head["status"] != "completed":
        return head
    output = _output(interaction, address) if generation.has_video else []
    seconds = round(interaction.creation.shape.duration_seconds)
    steps = [
        {
            "type": "user_input",
            "content": [{"type": "text", "text": interaction.creation.prompt}],
        },
        {"type": "model_output", "content": output},
    ]
    return head | {
        "steps": steps,
        "usage": {"total_tokens": seconds * _TOKENS_PER_SECOND},
    }


def _output(interaction: _Interaction, address: str) -> list[dict[str, object]]:
    video: dict[str, object] = {"type": "video", "mime_type": "video/mp4"}
    if interaction.creation.inline:
        data = base64.b64encode(interaction.video[0]).decode()
        return [video | {"data": data}]
    file = f"{address}/v1beta/files/{interaction.file_id}:download?alt=media"
    return [video | {"uri": file}]


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
