"""The demo's options, and their validation, which takes less than a second.

Nothing heavy is imported here: a wrong option is reported before anything starts.
"""

import difflib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from PIL import Image

from local.fault_kinds import Kind, ProviderId
from local.faults import FaultError, parse_faults
from local.vendors import choose
from local.wrong_settings import wrong_settings
from shared.domain.errors import InvalidRequest
from shared.domain.framing import MIN_SIDE_PIXELS
from shared.domain.image_type import HEIC, image_type
from shared.domain.job import Language
from shared.domain.refusals import describe_field
from shared.domain.request import MAX_IMAGE_MEGABYTES, VideoRequest

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out"
RACCOON = ROOT / "local" / "raccoon.jpg"
_PROMPT = "The camera drifts slowly closer, soft evening light"
_RACCOONS_PROMPT = (
    "The camera drifts slowly closer as the raccoon looks up, soft evening light"
)
_TEXT_PROMPT = "A raccoon walks along a garden wall in soft evening light"
# IMAGE=none makes a video from the prompt alone.
NO_IMAGE = "none"
# By field of the API's request: the option that sets it.
_OPTIONS = {
    "prompt": "PROMPT",
    "duration": "DURATION",
    "model": "MODEL",
    "aspect_ratio": "RATIO",
    "last_image": "LAST_IMAGE",
}
# The API's reasons that name its fields, in terms of the demo's options.
_REASONS = {
    "needs_first": "needs IMAGE, the first frame",
    "not_a_string": "must be in UTF-8: set the terminal's encoding to it",
}
_UNASKED = (
    "Real keys are set, and without a terminal you can't agree to the price: set YES=1 "
    "to pay it without being asked."
)


class DemoError(Exception):
    """The demo can't run or go on; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """As typed; empty if not given. `resume`: a job's id. `yes`: "1" agrees to the
    price of real providers beforehand.
    """

    environ: Mapping[str, str]
    image: str = ""
    last_image: str = ""
    prompt: str = ""
    model: str = ""
    duration: str = ""
    ratio: str = ""
    faults: str = ""
    resume: str = ""
    yes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """Valid options. `body`: the API's request without the images.

    `images`: files and their content types, by field of that request.
    `is_own_prompt`: the prompt is the demo's own, because none was given.
    """

    images: Mapping[str, tuple[Path, str]]
    body: Mapping[str, object]
    faults: str
    is_own_prompt: bool
    is_agreed: bool


def validated(options: DemoOptions) -> DemoRequest:
    """Raises DemoError with everything that is wrong, a line each."""
    problems = list(filter(None, [wrong_settings(options.environ)]))
    images: dict[str, tuple[Path, str]] = {}
    for field, path in _paths(options).items():
        try:
            images[field] = (path, _type_of(path, field.upper()))
        except DemoError as refused:
            problems.append(str(refused))
    body = _body(options)
    problems += _wrong_fields(body, options)
    problems += refused_faults(options.environ, options.faults)
    is_agreed = options.yes == "1"
    if options.yes not in ("", "0", "1"):
        problems.append(
            f"YES must be 1, which agrees to the price, or 0, not {options.yes}."
        )
    if choose(options.environ).real and not is_agreed and not sys.stdin.isatty():
        problems.append(_UNASKED)
    if problem := _unwritable(OUT):
        problems.append(problem)
    if problems:
        raise DemoError("\n".join(problems))
    return DemoRequest(
        images=images,
        body=body,
        faults=options.faults,
        is_own_prompt=not options.prompt,
        is_agreed=is_agreed,
    )


def _paths(options: DemoOptions) -> dict[str, Path]:
    """Image files by field of the request; the raccoon unless another is given."""
    image = "" if options.image == NO_IMAGE else options.image or str(RACCOON)
    given = {"image": image, "last_image": options.last_image}
    return {field: Path(path).expanduser() for field, path in given.items() if path}


def _body(options: DemoOptions) -> dict[str, object]:
    prompts = {NO_IMAGE: _TEXT_PROMPT, "": _RACCOONS_PROMPT}
    given = {
        "prompt": options.prompt or prompts.get(options.image, _PROMPT),
        "duration": _number(options.duration),
        "model": options.model,
        "aspect_ratio": options.ratio,
    }
    return {name: value for name, value in given.items() if value != ""}


def _number(text: str) -> int | str:
    """A number, or `text` unchanged, for the request's own validation to refuse."""
    try:
        return int(text)
    except ValueError:
        return text


def _type_of(path: Path, option: str) -> str:
    """Its content type. Whether it can be decoded is for the worker to find out."""
    if path.as_posix().startswith(("https:/", "http:/")):
        raise DemoError(f"{option} is a file on this machine; download it first.")
    if not path.is_file():
        raise DemoError(f"{option}: there is no file {path}.")
    with path.open("rb") as file:
        content_type = image_type(file.read(512))
    if content_type == HEIC:
        raise DemoError(f"{option}: {path} is HEIC, which can't be used; send a JPEG.")
    if content_type is None:
        raise DemoError(f"{option}: {path} isn't a JPEG, PNG, WebP or AVIF.")
    if path.stat().st_size > MAX_IMAGE_MEGABYTES * 1_000_000:
        raise DemoError(f"{option}: {path} has more than {MAX_IMAGE_MEGABYTES} MB.")
    with suppress(OSError), Image.open(path) as image:
        if min(image.size) < MIN_SIDE_PIXELS:
            least = f"at least {MIN_SIDE_PIXELS} pixels a side"
            raise DemoError(f"{option}: {path} is too small; it needs {least}.")
    return content_type


def _wrong_fields(body: Mapping[str, object], options: DemoOptions) -> Iterator[str]:
    try:
        VideoRequest.parse({**body, **dict.fromkeys(_paths(options), "-")})
    except InvalidRequest as error:
        for field in error.errors:
            name = _OPTIONS.get(field.field, field.field)
            description = describe_field(field, Language.ENGLISH)
            why = _REASONS.get(field.reason, description)
            yield f"{name} {why}" + ("" if why.endswith(("?", ".")) else ".")


def refused_faults(environ: Mapping[str, str], faults: str) -> Iterator[str]:
    """A sentence for each thing that is wrong with FAULTS."""
    if faults and choose(environ).real:
        yield "FAULTS needs the simulators, and keys are set: unset them, or FAULTS."
    for wrong in wrong_faults(faults):
        yield f"FAULTS: {wrong}"


def wrong_faults(faults: str) -> Iterator[str]:
    """A sentence for each fault that simulators can't stage."""
    for fault in filter(None, map(str.strip, faults.split(","))):
        try:
            parse_faults(fault)
        except FaultError as error:
            yield _wrong_fault(fault, error)


def _wrong_fault(fault: str, error: FaultError) -> str:
    spec, _, _ = fault.partition("*")
    provider, *how = spec.replace("=", ":").split(":")
    if provider not in list(ProviderId):
        names = ", ".join(ProviderId)
        suggestion = _suggestion(provider, ProviderId)
        return f"there is no provider {provider}, only {names}{suggestion}"
    if how and how[-1] not in list(Kind):
        suggestion = _suggestion(how[-1], Kind)
        kinds = "local/fault_kinds.py lists how providers fail"
        return f"{fault}: {how[-1]} is not a fault ({kinds}){suggestion}"
    return f"{error}."


def _suggestion(given: str, known: type[StrEnum]) -> str:
    close = difflib.get_close_matches(given, list(known), 1)
    return f"; did you mean `{close[0]}`?" if close else "."


def _unwritable(folder: Path) -> str | None:
    if folder.is_file():
        return f"The video can't be saved in {folder}: it is a file, not a folder."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"The video can't be saved in {folder}: {error.strerror}."
