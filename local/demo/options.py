"""What the demo is asked for, refused within a second where it can't work.

Nothing heavy is imported here: a wrong option is said before anything starts.
"""

import difflib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from local.fault_kinds import ProviderId
from local.faults import FaultError, parse_faults
from local.vendors import choose
from shared.domain.errors import InvalidRequest
from shared.domain.image_type import IMAGE_TYPES
from shared.domain.job import Language
from shared.domain.refusals import describe_field
from shared.domain.request import MOST_IMAGE_MEGABYTES, VideoRequest

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out"
RACCOON = ROOT / "local" / "raccoon.jpg"
_PROMPT = "The camera drifts slowly closer, soft evening light"
_RACCOONS_PROMPT = (
    "The camera drifts slowly closer as the raccoon looks up, soft evening light"
)
_LANDSCAPE, _PORTRAIT = "16:9", "9:16"
# A field of the API's request to the option that sets it.
_OPTIONS = {
    "prompt": "PROMPT",
    "duration": "DURATION",
    "model": "MODEL",
    "aspect_ratio": "RATIO",
}
_FAULTS = (
    "FAULTS takes providers that fail, with commas between: {names}. Each may say how, "
    "as in runway:500 or gemini-veo-3.1:filtered; local/fault_kinds.py lists the kinds."
)


class Refused(Exception):
    """The demo can't run like that; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """As they were given: texts, empty where they weren't. `resume`: a job's id."""

    environ: Mapping[str, str]
    image: str = ""
    prompt: str = ""
    model: str = ""
    duration: str = ""
    ratio: str = ""
    faults: str = ""
    resume: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Options that work. `body` is the request to the api, without its image."""

    image: Path
    content_type: str
    body: Mapping[str, object]
    faults: str


def checked(options: DemoOptions) -> Asked:
    """Raises Refused with everything that is wrong, a line each."""
    problems: list[str] = []
    path = Path(options.image).expanduser() if options.image else RACCOON
    content_type, is_upright = "", False
    try:
        content_type, is_upright = _look_at(path)
    except Refused as refused:
        problems.append(str(refused))
    body = _body(options, is_own=bool(options.image), is_upright=is_upright)
    problems += [*_wrong_fields(body), *_wrong_faults(options)]
    if problem := _unwritable(OUT):
        problems.append(problem)
    if problems:
        raise Refused("\n".join(problems))
    return Asked(
        image=path, content_type=content_type, body=body, faults=options.faults
    )


def _body(options: DemoOptions, *, is_own: bool, is_upright: bool) -> dict[str, object]:
    text, own_ratio = options.duration.strip(), _PORTRAIT if is_upright else _LANDSCAPE
    given = {
        "prompt": options.prompt or (_PROMPT if is_own else _RACCOONS_PROMPT),
        "duration": int(text) if text.isdecimal() else text or None,
        "model": options.model,
        "aspect_ratio": options.ratio or own_ratio,
    }
    return {name: value for name, value in given.items() if value}


def _look_at(path: Path) -> tuple[str, bool]:
    """The content type, and whether the image is higher than wide."""
    if not path.exists():
        raise Refused(f"IMAGE: there is no file {path}.")
    try:
        with Image.open(path) as image:
            content_type = Image.MIME.get(image.format or "", "")
            width, height = ImageOps.exif_transpose(image).size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise Refused(f"IMAGE: {path} is not a whole image.") from None
    if content_type not in IMAGE_TYPES:
        kind = content_type.removeprefix("image/").upper() or "of another type"
        raise Refused(f"IMAGE: {path} is {kind}; use a JPEG, PNG or WebP.")
    if path.stat().st_size > MOST_IMAGE_MEGABYTES * 1_000_000:
        raise Refused(f"IMAGE: {path} has more than {MOST_IMAGE_MEGABYTES} MB.")
    return content_type, height > width


def _wrong_fields(body: Mapping[str, object]) -> Iterator[str]:
    try:
        VideoRequest.parse({**body, "image": "-"})
    except InvalidRequest as error:
        for field in error.errors:
            name = _OPTIONS.get(field.field, field.field)
            why = describe_field(field, Language.ENGLISH)
            yield f"{name} {why}" + ("" if why.endswith(("?", ".")) else ".")


def _wrong_faults(options: DemoOptions) -> Iterator[str]:
    if not options.faults:
        return
    if choose(options.environ).real:
        yield "FAULTS needs the simulators, and keys are set: unset them, or FAULTS."
    try:
        parse_faults(options.faults)
    except FaultError:
        names = ", ".join(ProviderId)
        yield _FAULTS.format(names=names) + _suggestion(options.faults)


def _suggestion(text: str) -> str:
    given = text.split(",")[0].partition(":")[0].partition("=")[0]
    close = difflib.get_close_matches(given, list(ProviderId), 1)
    return f" Did you mean {close[0]}?" if close and close[0] != given else ""


def _unwritable(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"The video can't be saved in {folder}: {error.strerror}."
