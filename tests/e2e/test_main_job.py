"""Jobs from the HTTP request to a playable MP4, on the real stack."""

from decimal import Decimal

from local.stack import Stack
from tests.e2e.client import Frontend, list_usd, played, set_faults, submissions
from tests.e2e.conftest import FRAMES_PER_SECOND


def test_an_image_and_a_prompt_become_a_playable_mp4(
    stack: Stack, frontend: Frontend
) -> None:
    large = frontend.create(resolution="1080p", audio=True, duration=4)
    video = frontend.wait(frontend.create(duration=5))

    assert video["status"] == "completed"
    assert (video["stage"], video["progress"]) == ("done", 100)
    assert video["ai_model"] == "runway"
    assert video["cost_usd"] == "0.25"
    assert played(video["video_url"]) == {
        "codec": "h264",
        "size": (1104, 832),
        "seconds": 5.0,
        "sound": False,
        "frames": 5 * FRAMES_PER_SECOND,
    }
    assert video["delivered"]["duration"] == 5.0
    assert len(submissions(stack, video["prompt"])) == 1

    # Meanwhile the first provider that makes 1080p and sound made the other one.
    large = frontend.wait(large)
    assert [(a["ai_model"], a["outcome"]) for a in large["attempts"]] == [
        ("runway", "skipped"),
        ("runway-http", "skipped"),
        ("gemini-veo-3.1", "succeeded"),
    ]
    assert played(large["video_url"])["size"] == (1920, 1080)


def test_veo_takes_over_with_sound_after_two_failed_providers(
    stack: Stack, frontend: Frontend
) -> None:
    faults = [
        {"provider": provider_id, "kind": "503"}
        for provider_id in ("runway", "runway-http")
    ]
    set_faults(stack, faults)

    video = frontend.wait(frontend.create(duration=5))

    outcomes = [(a["ai_model"], a["outcome"]) for a in video["attempts"]]
    assert outcomes == [
        ("runway", "rejected"),
        ("runway-http", "rejected"),
        ("gemini-veo-3.1", "succeeded"),
    ]
    film = played(video["video_url"])
    assert (film["seconds"], film["sound"]) == (6.0, True)
    assert Decimal(video["cost_usd"]) == 6 * list_usd("veo-3.1-generate-001")


def test_omni_is_the_last_provider(stack: Stack, frontend: Frontend) -> None:
    set_faults(
        stack,
        [
            {"provider": "runway", "kind": "401"},
            {"provider": "gemini-veo-3.1", "place": "task", "kind": "error-13"},
        ],
    )

    video = frontend.wait(frontend.create(duration=3, aspect_ratio="9:16"))

    assert [(a["ai_model"], a["outcome"]) for a in video["attempts"]] == [
        ("runway", "rejected"),
        ("runway-http", "skipped"),
        ("gemini-veo-3.1", "failed"),
        ("gemini-omni-flash", "succeeded"),
    ]
    assert played(video["video_url"])["size"] == (720, 1280)


def test_a_refused_prompt_never_reaches_the_next_provider(
    stack: Stack, frontend: Frontend
) -> None:
    kind = "SAFETY.INPUT.TEXT"
    set_faults(stack, [{"provider": "runway", "place": "task", "kind": kind}])

    video = frontend.wait(frontend.create())

    assert video["error"]["code"] == "prompt_refused"
    assert [s["vendor"] for s in submissions(stack, video["prompt"])] == ["runway"]
