"""A webhook goes to public servers alone, and no answer holds its sender for long."""

import pytest

from shared.domain.errors import NotPublic, Unreachable
from shared.gcp.web_download import PublicWeb
from tests.gcp.small_web import (
    HOST,
    PUBLIC,
    Internet,
    Site,
    Trust,
    answered,
    raw,
    redirect,
    serving,
)

URL = f"https://{HOST}/hook?token=hush"
BODY = b'{"type":"video.completed"}'


@pytest.fixture
def internet(site: Site) -> Internet:
    return Internet(port=site.port)


def test_it_is_one_post_to_the_address_that_was_checked(
    trust: Trust, site: Site, internet: Internet
) -> None:
    answer = internet.web(trust).post(URL, BODY, {"webhook-id": "msg_1"})

    ((path, headers),) = site.requests
    assert (answer.status, path, site.bodies) == (200, "/hook?token=hush", [BODY])
    assert (headers["Host"], headers["webhook-id"]) == (HOST, "msg_1")
    assert headers["Content-Type"] == "application/json"
    assert internet.dialled == [f"{PUBLIC}:443"]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://metadata.google.internal/",
        "https://169.254.169.254/computeMetadata/v1/",
        "https://inside.example/",
        "http://files.example/",
    ],
)
def test_nothing_is_sent_to_what_is_not_public(
    trust: Trust, internet: Internet, url: str
) -> None:
    internet.names["inside.example"] = [PUBLIC, "10.0.0.7"]

    with pytest.raises(NotPublic):
        internet.web(trust).post(url, BODY, {})

    assert internet.dialled == []


def test_each_try_asks_where_the_name_leads_by_then(
    trust: Trust, internet: Internet
) -> None:
    web = internet.web(trust)
    web.post(URL, BODY, {})
    internet.names[HOST] = ["10.0.0.7"]

    with pytest.raises(NotPublic):
        web.post(URL, BODY, {})


def test_a_redirect_is_an_answer_and_not_followed(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer = lambda _: redirect(f"https://{HOST}/other", "307 Temporary Redirect")

    assert internet.web(trust).post(URL, BODY, {}).status == 307
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 120", 120),
        ("X: y", None),
        (f"Retry-After: Mon, 01 Jan {10**20} 00:00:00 GMT", None),
    ],
)
def test_what_the_receiver_asks_for_is_told(
    trust: Trust, site: Site, internet: Internet, header: str, seconds: float | None
) -> None:
    busy = "429 Too Many Requests"
    site.answer = lambda _: answered(b"", header, status=busy)

    answer = internet.web(trust).post(URL, BODY, {})

    assert (answer.status, answer.retry_after_seconds) == (429, seconds)


def test_of_a_huge_answer_the_status_alone_is_read(
    trust: Trust, site: Site, internet: Internet
) -> None:
    """The server promises a terabyte, and keeps dripping."""
    site.answer = lambda _: raw(b"x", f"Content-Length: {10**12}")
    site.drips = True

    assert internet.web(trust).post(URL, BODY, {}).status == 200


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 3, b"HTTP/1.1 200 OK\r\nX: "]
)
def test_a_receiver_that_never_finishes_its_answer_is_left(
    trust: Trust, site: Site, internet: Internet, start: bytes
) -> None:
    site.answer = lambda _: start
    site.drips = start != b""
    site.stalls = True

    with pytest.raises(Unreachable) as caught:
        internet.web(trust, total_seconds=0.5).post(URL, BODY, {})

    assert "hush" not in str(caught.value)


def test_headers_without_an_end_are_not_collected(
    trust: Trust, site: Site, internet: Internet
) -> None:
    site.answer = lambda _: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000

    with pytest.raises(Unreachable):
        internet.web(trust).post(URL, BODY, {})


def test_on_ones_own_machine_all_go_to_one_receiver(trust: Trust) -> None:
    site = Site(answer=lambda _: answered(b"", status="204 No Content"))
    with serving(site, None):
        web = PublicWeb(forward_to=f"http://127.0.0.1:{site.port}")

        answer = web.post("https://anything.example/hook?a=b", BODY, {})

    assert answer.status == 204

    assert [path for path, _ in site.requests] == ["/hook?a=b"]
