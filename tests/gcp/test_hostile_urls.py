"""No URL makes this process connect to anything but public servers.

Names resolve to whatever an attacker wants; every connection of a real socket is
watched.
"""

from http.client import NotConnected

import pytest

from shared.domain.errors import NotPublic
from shared.gcp.pinned_connection import Deadline, connect
from shared.gcp.web_address import WebAddress
from shared.gcp.web_download import PublicWeb
from tests.gcp.internet import Internet, IpAddresses
from tests.gcp.small_web import CONTENT, HOST, PUBLIC, Site, Trust, fetch, redirect

SIX = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
OPENED = [f"{PUBLIC}:443"]

# URLs that no parser should accept.
MALFORMED = {
    "plain http": "http://files.example/",
    "ftp": "ftp://files.example/",
    "file": "file:///etc/passwd",
    "file with a host": "file://localhost/etc/passwd",
    "gopher": "gopher://files.example/",
    "data": "data:image/png;base64,iVBORw0KGgo=",
    "blob": "blob:https://files.example/x",
    "no scheme": "//files.example/",
    "no host": "https:///x",
    "one slash": "https:/127.0.0.1/x",
    "no slash": "https:127.0.0.1",
    "nothing": "https://",
    "empty": "",
    "only a port": "https://:443/",
    "user": "https://user@files.example/",
    "user and password": "https://user:word@files.example/",
    "user that looks like a host": "https://files.example@127.0.0.1/",
    "empty user": "https://@127.0.0.1/",
    "two users": "https://files.example@files.example@127.0.0.1/",
    "backslash": "https://files.example\\@127.0.0.1/",
    "only backslashes": "https:\\\\127.0.0.1\\",
    "fragment before a user": "https://127.0.0.1#@files.example/",
    "question before a user": "https://127.0.0.1?@files.example/",
    "line break": "https://files.example/\r\nHost: x",
    "line break in the host": "https://127.0.\n0.1/",
    "tab in the host": "https://127.0\t.0.1/",
    "tab before": "\thttps://127.0.0.1/",
    "null": "https://files.example\0.127.0.0.1/",
    "delete": "https://files.example/\x7f",
    "space": "https://files.example/a b",
    "space in the host": "https://127.0.0.1 files.example/",
    "port 0": "https://files.example:0/",
    "port too large": "https://files.example:99999/",
    "negative port": "https://files.example:-1/",
    "port in letters": "https://files.example:x/",
    "two ports": "https://127.0.0.1:443:443/",
    "broken brackets": "https://[::1/",
    "brackets about nothing": "https://[]/",
    "very long": "https://files.example/" + "x" * 9000,
}

# Hosts that are refused without a look-up.
HOSTS = {
    "loopback": "127.0.0.1",
    "another loopback": "127.255.255.254",
    "short loopback": "127.1",
    "shorter loopback": "127.0.1",
    "zero": "0",
    "loopback as a number": "2130706433",
    "metadata as a number": "2852039166",
    "loopback in hex": "0x7f000001",
    "loopback in short hex": "0x7f.1",
    "loopback in parts of hex": "0x7f.0.0.0x1",
    "loopback in octal": "0177.0.0.1",
    "loopback as an octal number": "017700000001",
    "loopback with zeros": "127.000.000.001",
    "loopback with a dot": "127.0.0.1.",
    "more than a number": "4294967296",
    "five parts": "127.0.0.0.1",
    "loopback in percents": "%31%32%37.0.0.1",
    "a percent for a dot": "127%2e0.0.1",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "private 10": "10.0.0.1",
    "private 172": "172.31.255.255",
    "private 192": "192.168.0.1",
    "carrier-grade NAT": "100.64.0.1",
    "end of carrier-grade NAT": "100.127.255.255",
    "metadata": "169.254.169.254",
    "metadata of containers": "169.254.170.2",
    "protocol assignments": "192.0.0.192",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "relays of 6to4": "192.88.99.1",
    "benchmark": "198.19.255.255",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "loopback 6": "[::1]",
    "long loopback 6": "[0:0:0:0:0:0:0:1]",
    "unspecified 6": "[::]",
    "mapped": "[::ffff:127.0.0.1]",
    "mapped in hex": "[::ffff:a9fe:a9fe]",
    "mapped, of a public one": f"[::ffff:{PUBLIC}]",
    "compatible": "[::127.0.0.1]",
    "translated": "[::ffff:0:127.0.0.1]",
    "NAT64": "[64:ff9b::7f00:1]",
    "NAT64 of the metadata": "[64:ff9b::169.254.169.254]",
    "local NAT64": "[64:ff9b:1::7f00:1]",
    "6to4": "[2002:7f00:1::]",
    "Teredo": "[2001:0:7f00:1::]",
    "ORCHID": "[2001:20::1]",
    "benchmark 6": "[2001:2::1]",
    "documentation 6": "[2001:db8::1]",
    "more documentation 6": "[3fff::1]",
    "link-local 6": "[fe80::1]",
    "link-local 6 with a zone": "[fe80::1%25eth0]",
    "public 6 with a zone": f"[{SIX}%25eth0]",
    "unique local": "[fc00::1]",
    "metadata 6": "[fd00:ec2::254]",
    "site-local": "[fec0::1]",
    "multicast 6": "[ff02::1]",
    "segment routing": "[5f00::1]",
    "discard only": "[100::1]",
    "localhost": "localhost",
    "localhost in capitals": "LOCALHOST",
    "localhost with a dot": "localhost.",
    "under localhost": "a.localhost",
    "printer": "printer.local",
    "cluster": "kubernetes.default.svc.cluster.local",
    "one label": "metadata",
    "metadata server": "metadata.google.internal",
    "metadata server with a dot": "METADATA.google.internal.",
    "router": "router.home.arpa",
    "onion": "abcdefgh.onion",
    "empty label": "files..example",
    "only dots": "...",
    "dot first": ".files.example",
    "two dots last": "files.example..",
    "label too long": "a" * 64 + ".example",
    "last label too long": "files." + "a" * 64,
    "name too long": "a." * 130 + "example",
    "hyphen first": "-files.example",
    "asterisk": "*.example",
}

# The same in other letters and digits, where a URL may have them.
WIDE_HOSTS = {
    "wide digits": "１２７.0.0.1",
    "digits in circles": "①②⑦.⓪.⓪.①",
    "wide dots": "127。0．0｡1",
    "wide letters": "ｌｏｃａｌｈｏｓｔ",
    "wide metadata server": "ｍetadata.google.internal",
    "arabic digits": "١٢٧.0.0.1",
    "a slash inside a letter": "files.example℀.127.0.0.1",
    "a soft hyphen": "local\u00adhost",
    "no width": "local\u200bhost",
    "label that is no name": "ü" * 70 + ".example",
}

# Names that anyone can register, and what they resolve to.
RESOLVING_TO_PRIVATE: dict[str, IpAddresses] = {
    "loopback": ["127.0.0.1"],
    "metadata": ["169.254.169.254"],
    "private": ["192.168.0.1"],
    "carrier-grade NAT": ["100.64.0.1"],
    "unspecified": ["0.0.0.0"],
    "a private one after a public": [PUBLIC, "10.0.0.1"],
    "a private one before a public": ["10.0.0.1", PUBLIC],
    "the fourth of four": [f"93.184.215.{last}" for last in (1, 2, 3)] + ["10.0.0.1"],
    "loopback 6 beside a public 4": [PUBLIC, "::1"],
    "a public 6 and loopback 6": [SIX, "::1"],
    "private 4 beside a public 6": ["10.0.0.1", SIX],
    "mapped": ["::ffff:7f00:1"],
    "NAT64 of the metadata": ["64:ff9b::a9fe:a9fe"],
    "6to4": ["2002:a00:1::"],
    "metadata 6": ["fd00:ec2::254"],
    "link-local 6": ["fe80::1"],
}

URLS = (
    {f"it is malformed: {name}": url for name, url in MALFORMED.items()}
    | {f"its host: {name}": f"https://{host}/x" for name, host in HOSTS.items()}
    | {f"its host: {name}": f"https://{host}/x" for name, host in WIDE_HOSTS.items()}
)


@pytest.mark.usefixtures("site")
def test_a_public_name_is_fetched(web: PublicWeb, internet: Internet) -> None:
    assert fetch(web, f"https://{HOST}/x") == CONTENT
    assert (internet.opened, internet.looked_up) == (OPENED, [HOST])


# URLs


@pytest.mark.parametrize("url", [pytest.param(url, id=id) for id, url in URLS.items()])
def test_a_hostile_url_is_refused_without_a_connection(
    web: PublicWeb, internet: Internet, url: str
) -> None:
    with pytest.raises(NotPublic):
        fetch(web, url)

    assert internet.opened == []


@pytest.mark.parametrize(
    "to",
    [
        "http://files.example/",
        "//127.0.0.1/",
        "///127.0.0.1/../..//127.0.0.1\\",
        "ftp://files.example/",
        "file:///etc/passwd",
        "https://user@files.example/",
        "https://[::1/",
        "https://files.example:0/",
        "https://127.0.\t0.1/",
    ],
)
def test_a_redirects_url_is_parsed_as_strictly(
    web: PublicWeb, internet: Internet, site: Site, to: str
) -> None:
    site.answer = lambda _: redirect(to)

    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/")

    assert internet.opened == OPENED


def test_redirects_are_checked(web: PublicWeb, internet: Internet, site: Site) -> None:
    ways = {"/1": "/2", "/2": "https://other.example/3", "/3": "https://127.0.0.1/"}
    site.answer = lambda path: redirect(ways[path])

    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/1")

    assert internet.opened == OPENED * 3


# Names


@pytest.mark.parametrize("name", RESOLVING_TO_PRIVATE)
def test_a_name_that_resolves_to_a_private_address_is_refused(
    web: PublicWeb, internet: Internet, name: str
) -> None:
    internet.zone["hostile.example"] = [RESOLVING_TO_PRIVATE[name]]

    with pytest.raises(NotPublic):
        fetch(web, "https://hostile.example/x")

    assert (internet.opened, internet.looked_up) == ([], ["hostile.example"])


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
def test_a_name_is_resolved_once_and_rebinding_has_no_effect(
    web: PublicWeb, internet: Internet, inside: str
) -> None:
    internet.zone[HOST] = [[PUBLIC], [inside]]

    assert fetch(web, f"https://{HOST}/x") == CONTENT
    assert (internet.opened, internet.looked_up) == (OPENED, [HOST])

    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/x")
    assert (internet.opened, internet.looked_up) == (OPENED, [HOST, HOST])


@pytest.mark.usefixtures("site")
def test_a_closed_connection_does_not_resolve_its_name_to_open_again(
    trust: Trust, internet: Internet
) -> None:
    address = WebAddress.parse(f"https://{HOST}/x")
    with Deadline(60) as deadline:
        connection = connect(address, [PUBLIC], deadline, trust.client())
        connection.close()

        with pytest.raises(NotConnected):
            connection.request("GET", address.path)

    assert (internet.opened, internet.looked_up) == (OPENED, [])


def test_a_name_that_is_rebound_between_redirects_is_refused(
    web: PublicWeb, internet: Internet, site: Site
) -> None:
    internet.zone[HOST] = [[PUBLIC], ["127.0.0.1"]]
    site.answer = lambda _: redirect("/again")

    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/x")

    assert internet.opened == OPENED


# Results of vendors, at an origin that the settings name


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/video.mp4",
        "https://inside.example/video.mp4",
        "https://user@127.0.0.1/video.mp4",
        "https://127.0.0.1.inside.example/video.mp4",
        "http://127.0.0.1:8080/video.mp4",
        "https://127.0.0.1/video.mp4",
        "https://127.0.0.1:80/video.mp4",
    ],
)
def test_a_trusted_origin_makes_no_other_origin_trusted(
    web: PublicWeb, internet: Internet, url: str
) -> None:
    internet.zone["127.0.0.1.inside.example"] = [["127.0.0.1"]]

    with pytest.raises(NotPublic):
        fetch(web, url, trusted_origin="http://127.0.0.1")

    assert internet.opened == []


@pytest.mark.parametrize(
    "to",
    [
        "http://169.254.169.254/",
        "https://169.254.169.254/",
        "http://127.0.0.1:9/",
        "https://127.0.0.1/",
        "http://127.0.0.2/",
        "https://10.0.0.1/",
        "https://localhost/",
        "https://inside.example/",
        "http://files.example/",
        "file:///etc/passwd",
    ],
)
def test_a_vendors_redirect_to_a_private_address_is_not_followed(
    web: PublicWeb, internet: Internet, vendor: Site, to: str
) -> None:
    vendor.answer = lambda _: redirect(to)

    with pytest.raises(NotPublic):
        fetch(web, f"{vendor.url}/x", trusted_origin=vendor.url)

    assert internet.opened == [f"127.0.0.1:{vendor.server_port}"]
