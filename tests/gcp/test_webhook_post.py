"""Webhooks go only to public servers, and no receiver blocks the sender for long."""

import pytest

from shared.domain.errors import NotPublic, Unreachable
from shared.gcp.web_download import PublicWeb
from tests.gcp.internet import Internet
from tests.gcp.small_web import HOST, PUBLIC, Site, Trust, answered, raw, redirect

URL = f"https://{HOST}/hook?token=hush"
BODY = b'{"type":"video.completed"}'


def test_a_webhook_is_one_post_to_the_address_that_was_checked(
    web: PublicWeb, site: Site, internet: Internet
) -> None:
    answer = web.post(URL, BODY, {"webhook-id": "msg_1"})

    [request] = site.received
    sent = (request.method, request.path, request.content)
    assert (answer.status, sent) == (200, ("POST", "/hook?token=hush", BODY))
    headers = request.headers
    assert (headers["host"], headers["webhook-id"]) == (HOST, "msg_1")
    assert headers["content-type"] == "application/json"
    assert internet.opened == [f"{PUBLIC}:443"]


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
def test_nothing_is_sent_to_a_private_address(
    web: PublicWeb, internet: Internet, url: str
) -> None:
    internet.zone["inside.example"] = [[PUBLIC, "10.0.0.7"]]

    with pytest.raises(NotPublic):
        web.post(url, BODY, {})

    assert internet.opened == []


@pytest.mark.usefixtures("site")
def test_each_try_resolves_the_name_again(web: PublicWeb, internet: Internet) -> None:
    web.post(URL, BODY, {})
    internet.zone[HOST] = [["10.0.0.7"]]

    with pytest.raises(NotPublic):
        web.post(URL, BODY, {})


def test_a_webhooks_redirect_is_not_followed(web: PublicWeb, site: Site) -> None:
    site.answer = lambda _: redirect(f"https://{HOST}/other", "307 Temporary Redirect")

    assert web.post(URL, BODY, {}).status == 307
    assert len(site.received) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 120", 120),
        ("X: y", None),
        (f"Retry-After: Mon, 01 Jan {10**20} 00:00:00 GMT", None),
    ],
)
def test_the_receivers_retry_after_is_returned(
    web: PublicWeb, site: Site, header: str, seconds: float | None
) -> None:
    busy = "429 Too Many Requests"
    site.answer = lambda _: answered(b"", header, status=busy)

    answer = web.post(URL, BODY, {})

    assert (answer.status, answer.retry_after_seconds) == (429, seconds)


def test_only_the_status_of_a_huge_answer_is_read(web: PublicWeb, site: Site) -> None:
    """The server announces a terabyte, and keeps sending."""
    site.answer = lambda _: raw(b"x", f"Content-Length: {10**12}")
    site.drips = True

    assert web.post(URL, BODY, {}).status == 200


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 3, b"HTTP/1.1 200 OK\r\nX: "]
)
def test_a_receiver_that_never_finishes_its_answer_is_given_up(
    trust: Trust, site: Site, start: bytes
) -> None:
    site.answer = lambda _: start
    site.drips = start != b""
    site.stalls = True

    with pytest.raises(Unreachable) as caught:
        PublicWeb(tls=trust.client(), total_seconds=0.5).post(URL, BODY, {})

    assert "hush" not in str(caught.value)


def test_endless_headers_are_refused(web: PublicWeb, site: Site) -> None:
    site.answer = lambda _: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000

    with pytest.raises(Unreachable):
        web.post(URL, BODY, {})


def test_on_a_developers_machine_all_webhooks_go_to_one_receiver(vendor: Site) -> None:
    vendor.answer = lambda _: answered(b"", status="204 No Content")
    web = PublicWeb(total_seconds=300, forward_to=vendor.url)

    answer = web.post("https://anything.example/hook?a=b", BODY, {})

    assert answer.status == 204
    assert vendor.paths == ["/hook?a=b"]
