"""`make demo`: refused options, its display, and resuming a job after Ctrl-C."""

import io
import os
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PIL import Image
from rich.console import Console

import local.demo.options
import local.demo.run
import local.demo.unfinished
import local.stack
from local.demo.options import DemoError, DemoOptions, validated
from local.demo.run import Demo, price, reason_for_no_video
from local.demo.unfinished import folder_of, mark, new_folder
from local.demo.view import attempts_table, live, news, translation, usd
from local.simulators.runway import runway_simulator
from local.simulators.vendor_backend import Pace
from local.stack import Stack, StackOptions
from local.vendors import Vendors

ROOT = local.demo.options.ROOT
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
CHAIN = ("runway", "runway-http", "gemini-veo-3.1", "gemini-omni-flash")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Redirect the demo's folders, so that no test writes into this checkout."""
    for module in (local.demo.options, local.demo.run):
        monkeypatch.setattr(module, "OUT", tmp_path / "out")
    monkeypatch.setattr(local.demo.unfinished, "DEMOS", tmp_path / "demos")
    return tmp_path


def image(path: Path, kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> str:
    Image.new("RGB", size, "orange").save(path, kind)
    return str(path)


def options(**given: str) -> DemoOptions:
    return DemoOptions(environ={}, **given)


def test_without_options_the_demo_uses_the_raccoon() -> None:
    request = validated(options())

    assert [path.name for path, _ in request.images.values()] == ["raccoon.jpg"]
    assert "raccoon" in str(request.body["prompt"])
    assert "aspect_ratio" not in request.body


def test_a_video_may_lead_from_one_image_to_another(tmp_path: Path) -> None:
    first = image(tmp_path / "first.avif", "AVIF", (200, 128))
    last = image(tmp_path / "last.png", "PNG", (200, 128))

    request = validated(options(image=first, last_image=last, ratio="1:1"))

    assert request.images == {
        "image": (Path(first), "image/avif"),
        "last_image": (Path(last), "image/png"),
    }
    assert request.body["aspect_ratio"] == "1:1"
    assert "raccoon" not in str(request.body["prompt"])


def test_a_video_may_be_made_from_text_alone() -> None:
    assert validated(options(image="none")).images == {}


PROMPT = 'costs $5 "now" `x` $HOME \''


@pytest.mark.parametrize(
    ("typed", "name", "given"),
    [
        ("IMAGE=", "IMAGE", "none"),
        ("IMAGE=a b.jpg", "IMAGE", "a b.jpg"),
        ("DURATION=3", "IMAGE", ""),
        (f"PROMPT={PROMPT}", "PROMPT", PROMPT),
    ],
    ids=["no image", "an image", "not given", "a prompt"],
)
def test_make_passes_options_as_they_were_typed(
    typed: str, name: str, given: str
) -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "-f", "-", "shown", typed],
        input=f"OPTIONS.shown = $(DEMO_OPTIONS)\n"
        f'include Makefile\nshown:\n\t@printf %s "$${name}"\n',
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout == given


def test_make_prints_and_reads_utf_8_whatever_the_locale() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "-f", "-", "shown", "PROMPT=너구리"],
        input="OPTIONS.shown = PROMPT\ninclude Makefile\n"
        'shown:\n\t@$(PYTHON) -c \'import os; print(os.environ["PROMPT"], "…")\'\n',
        cwd=ROOT,
        env=os.environ
        | {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert shown.stdout == "너구리 …\n"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("demo DURATOIN=4", "make demo has no option DURATOIN: see make help"),
        ("demo PORT=9300", "make demo has no option PORT: see make help"),
        ("dev IMAGE=a.jpg", "make dev has no option IMAGE: see make help"),
        ("destroy REGION=us-east1", "make destroy has no option REGION"),
        ("demo PROMPT=", "PROMPT is empty"),
        ("demo PROMPT=  ", "PROMPT is empty"),
    ],
)
def test_make_refuses_an_option_that_the_target_does_not_read(
    typed: str, reason: str
) -> None:
    command = ["make", "--no-print-directory", "--dry-run", *typed.split(" ", 1)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert reason in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize(
    "typed", ["dev PORT=9300 FAULTS=runway", "fuzz FILES=1 SEED=2"]
)
def test_make_takes_the_options_of_its_target(typed: str) -> None:
    command = ["make", "--dry-run", *typed.split()]

    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"image": "no.jpg"}, "IMAGE: there is no file no.jpg"),
        ({"image": "text.jpg"}, "isn't a JPEG, PNG, WebP or AVIF"),
        ({"image": "a.gif"}, "isn't a JPEG, PNG, WebP or AVIF"),
        ({"image": "a.heic"}, "is HEIC, which can't be used; send a JPEG"),
        ({"image": "small.jpg"}, "it needs at least 128 pixels a side"),
        ({"last_image": "no.jpg"}, "LAST_IMAGE: there is no file no.jpg"),
        ({"image": "none", "last_image": "a.avif"}, "LAST_IMAGE needs IMAGE"),
        ({"image": "large.png"}, "more than 16 MB"),
        ({"model": "veo"}, "MODEL must be one of: auto, runway, gemini-veo-3.1"),
        ({"model": "veo"}, "did you mean `gemini-veo-3.1`?"),
        ({"duration": "2"}, "DURATION must be from 3 to 10."),
        ({"duration": "long"}, "DURATION must be a whole number."),
        ({"ratio": "5:4"}, "RATIO must be one of: auto, 16:9, 9:16"),
        ({"prompt": "x" * 2001}, "PROMPT must be at most 2,000 characters, of which"),
        ({"prompt": "\udcb3\udcca"}, "PROMPT must be in UTF-8"),
        ({"duration": "-3"}, "DURATION must be from 3 to 10."),
        ({"image": "https://a.b/c.jpg"}, "IMAGE is a file on this machine"),
        ({"yes": "2"}, "YES must be 1, which agrees to the price, or 0, not 2."),
        ({"faults": "runwy"}, "; did you mean `runway`?"),
        ({"faults": "sora"}, "no provider sora, only runway, runway-http, gemini-veo"),
        ({"faults": "runway,runway-htp"}, "; did you mean `runway-http`?"),
        ({"faults": "runway:boom"}, "FAULTS: runway:boom: boom is not a fault"),
        ({"faults": "runway:500,runway:filterd"}, "; did you mean `filtered`?"),
        ({"faults": "runway*x"}, "a whole number follows the star."),
        ({"faults": "runway:poll:filtered"}, "there is no 'filtered' of runway at"),
        ({"faults": "runway:filtered"}, "there is no 'filtered' of runway at"),
        ({"faults": "runway:start:503:503"}, "is not PROVIDER:PLACE:KIND"),
    ],
)
def test_a_wrong_option_is_refused_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.jpg").write_text("no image")
    image(Path("a.gif"), "GIF")
    image(Path("small.jpg"), size=(200, 127))
    image(Path("a.avif"), "AVIF", (200, 128))
    Path("a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with Path("large.png").open("wb") as large:
        Image.new("RGB", (8, 8)).save(large, "PNG")
        large.truncate(16_000_001)

    with pytest.raises(DemoError) as refused:
        validated(options(**given))

    assert reason in str(refused.value)


def test_all_wrong_options_are_reported_at_once() -> None:
    with pytest.raises(DemoError) as refused:
        validated(options(model="sora", duration="99", ratio="1:9"))

    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize("yes", ["", "0", "1"])
@pytest.mark.parametrize("environ", [{}, {"RUNWAY_API_KEY": "k"}], ids=["free", "paid"])
def test_without_a_terminal_only_yes_1_agrees_to_pay(
    environ: dict[str, str], yes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    given = DemoOptions(environ=environ, yes=yes)

    if environ and yes != "1":
        with pytest.raises(DemoError, match="YES=1"):
            validated(given)
    else:
        assert validated(given).is_agreed is (yes == "1")


def test_an_unanswered_question_counts_as_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    stack = Stack(StackOptions(environ={"RUNWAY_API_KEY": "key"}))
    costs = {"estimated_cost_usd": "3.20", "max_cost_usd": "4.70", "links": []}
    request = validated(options())

    with pytest.raises(KeyboardInterrupt):
        Demo(environ={}, request=request)._agree(stack, costs, request)

    agreed = replace(request, is_agreed=True)
    Demo(environ={}, request=agreed)._agree(stack, costs, agreed)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("0.000195", "<$0.01"),
        ("3.200199", "$3.20"),
        ("0.4", "$0.40"),
        ("3.205", "$3.21"),
    ],
)
def test_money_is_shown_to_the_cent(amount: str, shown: str) -> None:
    assert usd(amount) == shown


def test_the_price_is_that_of_the_first_provider_to_be_asked() -> None:
    links = [
        {"ai_model": "runway", "skipped": "unsupported"},
        {"ai_model": "gemini-veo-3.1", "skipped": None},
    ]
    costs = {"estimated_cost_usd": "3.20", "max_cost_usd": "4.700199"}

    notice = price(costs | {"links": links})

    assert notice == "The video costs $3.20 at gemini-veo-3.1, $4.71 at most."


@pytest.mark.parametrize(
    ("skipped", "refused", "reason"),
    [
        (["unsupported", None], None, ""),
        (["unsupported", "circuit_open"], None, "unsupported!\n  circuit_open!"),
        ([None], {"code": "generation_paused", "message": "Paused."}, "Paused."),
    ],
    ids=["one can", "none can", "paused"],
)
def test_a_video_that_no_provider_can_make_is_not_requested(
    skipped: list[str | None], refused: dict[str, str] | None, reason: str
) -> None:
    links = [
        {"ai_model": "a", "skipped": why, "message": why and f"{why}!"}
        for why in skipped
    ]
    client = SimpleNamespace(
        uploads=lambda _: {}, call=lambda *_: {"refused": refused, "links": links}
    )

    reasons = reason_for_no_video({"refused": refused, "links": links})

    assert reasons.endswith(reason) and bool(reasons) == bool(reason)
    if reason:
        with pytest.raises(DemoError, match=reason.splitlines()[0]):
            Demo(environ={}, request=validated(options()))._create(
                cast(Any, client), Stack(StackOptions(environ={})), validated(options())
            )


@pytest.mark.parametrize("prompt", ["", "A raccoon"])
def test_the_demos_own_prompt_is_used_only_without_one(prompt: str) -> None:
    assert validated(options(prompt=prompt)).is_own_prompt is (prompt == "")


@pytest.mark.parametrize(("cost", "rows"), [("0", 0), ("0.000195", 1)])
def test_a_table_without_attempts_is_shown_only_if_something_was_paid(
    cost: str, rows: int
) -> None:
    console = Console(width=80, file=io.StringIO(), record=True)
    error = {"message": "Nobody can make it."}
    job = {"attempts": [], "cost_usd": cost, "error": error, "prompt": "a"}
    demo = Demo(environ={}, request=None, job=job, console=console)

    assert demo._say_result(None, Stack(StackOptions(environ={}))) == 1

    output = console.export_text()
    assert output.count("translation") == rows
    assert ("provider" in output) is bool(rows)
    assert "Nobody can make it." in output


def test_a_folder_that_cannot_be_written_is_reported_first(folders: Path) -> None:
    (folders / "out").write_text("a file where the folder should be")

    with pytest.raises(DemoError, match=r"can't be saved in .*: it is a file, not a"):
        validated(options())


def attempt(provider: str, outcome: str, **more: Any) -> dict[str, Any]:
    code = {"rejected": "provider_unavailable", "unknown": "submission_unknown"}
    words = f"{provider} did not answer in time."
    error = {"code": code.get(outcome), "message": words}
    return {
        "ai_model": provider,
        "outcome": outcome,
        "started_at": NOW,
        "ended_at": None if outcome == "running" else NOW + timedelta(seconds=2),
        "cost_usd": "0.40",
        "error": error if outcome in code else None,
    } | more


JOB: dict[str, Any] = {
    "status": "processing",
    "stage": "generating",
    "progress": 38,
    "cost_usd": "0.80",
    "updated_at": NOW,
    "attempts": [
        attempt("runway", "rejected"),
        attempt("runway-http", "unknown"),
        attempt("gemini-veo-3.1", "running"),
    ],
}


def drawn(what: Any, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(what)
    return console.export_text().splitlines()


@pytest.mark.parametrize("width", [120, 80, 44])
def test_each_provider_has_a_row_at_any_width(width: int) -> None:
    lines = drawn(live(JOB, CHAIN, NOW + timedelta(seconds=12)), width)

    assert all(len(line) <= width for line in lines)
    [veo] = [line for line in lines if "gemini-veo-3.1" in line]
    assert "38 %" in veo and "12 s" in veo
    assert any(line.startswith("✗ runway ") and "2.0 s" in line for line in lines)
    assert any(line.startswith("? runway-http") for line in lines)
    assert any("gemini-omni-flash" in line and "waiting" in line for line in lines)
    words = " ".join(line.strip() for line in lines)
    assert "runway did not answer in time." in words


@pytest.mark.parametrize("width", [120, 44])
def test_the_table_of_attempts_fits(width: int) -> None:
    lines = drawn(attempts_table(JOB, width=width), width)

    assert all(len(line) <= width for line in lines)
    assert not any("…" in line for line in lines)
    assert any("$0.80" in line for line in lines)


def test_a_skipped_provider_has_no_seconds_in_the_table() -> None:
    job = JOB | {"attempts": [attempt("runway", "skipped", cost_usd="0")]}

    lines = drawn(attempts_table(job, width=120), 120)

    (row,) = (line for line in lines if "skipped" in line)
    assert row.split() == ["runway", "skipped", "$0.00"]


@pytest.mark.parametrize("width", [120, 44])
def test_a_translated_job_shows_the_translation_and_its_cost(width: int) -> None:
    made = sum(Decimal(attempt["cost_usd"]) for attempt in JOB["attempts"])
    job = JOB | {
        "prompt": "너구리",
        "prompt_sent": "A [red] raccoon",
        "cost_usd": str(made + Decimal("0.000195")),
    }

    lines = drawn(attempts_table(job, width=width), width)

    assert any("translation" in line and "<$0.01" in line for line in lines)
    real = translation(job, is_real=True)
    assert real == "Sent in English: A [red] raccoon"
    simulated = (
        "Sent in English (simulated: a real model translates it): A [red] raccoon"
    )
    assert translation(job, is_real=False) == simulated
    assert translation(job | {"prompt_sent": "너구리"}, is_real=True) is None


def test_without_a_terminal_each_change_is_printed_once() -> None:
    before = JOB | {"attempts": [attempt("runway", "running")]}

    lines = news(before, JOB, NOW)

    assert lines == [
        "runway: rejected after 2.0 s. runway did not answer in time.",
        "runway-http: no answer after 2.0 s. runway-http did not answer in time.",
        "gemini-veo-3.1: started",
    ]
    assert news(JOB, JOB, NOW) == []
    waiting = before | {"stage": "waiting_for_provider"}
    assert news(before, waiting, NOW) == ["runway: waiting for the provider"]
    fetching = JOB | {"stage": "storing"}
    assert news(JOB, fetching, NOW) == ["gemini-veo-3.1: fetching it"]
    nobody = {"attempts": [], "stage": "waiting_for_provider"}
    assert news({}, nobody, NOW) == ["waiting for the provider"]


def test_only_an_unfinished_job_with_real_keys_can_be_resumed() -> None:
    folder = new_folder()
    mark(folder, "job1", project="p")

    assert folder_of("job1", real=True) == folder
    with pytest.raises(DemoError, match="there is job1"):
        folder_of("job2", real=True)
    with pytest.raises(DemoError, match=r"Simulated jobs end with the demo\."):
        folder_of("job2", real=False)
    with pytest.raises(DemoError, match="set them again"):
        folder_of("job1", real=False)


@dataclass(slots=True, kw_only=True)
class Interrupted(Demo):
    """Interrupted by Ctrl-C as soon as a provider has accepted the job."""

    def _record(self, stack: Any, seen: Any) -> None:
        Demo._record(self, stack, seen)
        if seen.get("stage", "queued") != "queued":
            raise KeyboardInterrupt


@pytest.mark.usefixtures("signals")
def test_a_paid_job_is_resumed_after_ctrl_c_without_paying_again(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {name: os.environ[name] for name in ("PATH", "HOME")}
    console = Console(width=100, file=io.StringIO(), record=True)
    with runway_simulator(Pace(seconds=2, frames_per_second=6)) as runway:
        keys = {"RUNWAY_API_KEY": "k", "RUNWAYML_BASE_URL": runway.address}
        chosen = Vendors(simulated=frozenset(), environment=keys, real=True)
        for module in (local.stack, local.demo.run, local.demo.options):
            monkeypatch.setattr(module, "choose", lambda _: chosen)
        request = replace(validated(options(yes="1")), faults="")
        first = Interrupted(environ=environ, request=request, console=console)
        assert first.run() == 130
        output = console.export_text(clear=False)

        again = Demo(
            environ=environ, request=None, job_id=first.job_id, console=console
        )
        code = again.run()
        paid = runway.submissions

    assert f"make demo RESUME={first.job_id}" in output
    assert "REAL MONEY" in output
    assert code == 0, console.export_text()
    assert len(paid) == 1
    assert (folders / "out" / "latest.mp4").resolve().name == f"{first.job_id}.mp4"
    assert not list((folders / "demos").iterdir())
