"""No address that somebody writes leads this process to where it must not go.

Real look-ups at a name server of our own, real sockets; every connection is watched.
"""

import socket
from collections.abc import Iterator

import pytest

from shared.domain.errors import NotPublic
from shared.gcp.web_download import PublicWeb
from tests.gcp.small_web import (
    CONTENT,
    HOST,
    PUBLIC,
    Site,
    Trust,
    answered,
    fetch,
    redirect,
    serving,
    trusted,
)
from tests.gcp.watched_wire import (
    Escaped,
    Names,
    Records,
    Wire,
    install_audit,
    looking_up,
    serving_names,
    watching,
)

SIX = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
OPENED = [f"{PUBLIC}:443"]

# What no reader of addresses should take.
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

# Hosts that are refused for what they are; nobody needs to be asked.
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

# Other letters and digits for the same; only where an address may have them at all.
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

# Names that anybody can make, and where they lead.
LEADING_INSIDE: dict[str, Records] = {
    "loopback": ["A 127.0.0.1"],
    "metadata": ["A 169.254.169.254"],
    "private": ["A 192.168.0.1"],
    "carrier-grade NAT": ["A 100.64.0.1"],
    "unspecified": ["A 0.0.0.0"],
    "a private one after a public": [f"A {PUBLIC}", "A 10.0.0.1"],
    "a private one before a public": ["A 10.0.0.1", f"A {PUBLIC}"],
    "the fourth of four": [f"A 93.184.215.{last}" for last in (1, 2, 3)]
    + ["A 10.0.0.1"],
    "loopback 6 beside a public 4": [f"A {PUBLIC}", "AAAA ::1"],
    "a public 6 and loopback 6": [f"AAAA {SIX}", "AAAA ::1"],
    "private 4 beside a public 6": ["A 10.0.0.1", f"AAAA {SIX}"],
    "mapped": ["AAAA ::ffff:7f00:1"],
    "NAT64 of the metadata": ["AAAA 64:ff9b::a9fe:a9fe"],
    "6to4": ["AAAA 2002:a00:1::"],
    "metadata 6": ["AAAA fd00:ec2::254"],
    "link-local 6": ["AAAA fe80::1"],
    "alias of a private one": ["CNAME inside.example"],
    "alias of the metadata server": ["CNAME metadata.google.internal"],
    "alias of an alias": ["CNAME alias.example"],
    "alias beside a public 6": [f"AAAA {SIX}", "CNAME inside.example"],
}

URLS = (
    {f"it is malformed: {name}": url for name, url in MALFORMED.items()}
    | {f"its host: {name}": f"https://{host}/x" for name, host in HOSTS.items()}
    | {f"its host: {name}": f"https://{host}/x" for name, host in WIDE_HOSTS.items()}
)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return trusted(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", autouse=True)
def audited() -> None:
    install_audit()


@pytest.fixture(scope="module")
def served_site(trust: Trust) -> Iterator[Site]:
    site = Site()
    with serving(site, trust.server()):
        yield site


@pytest.fixture
def site(served_site: Site) -> Site:
    served_site.answer = lambda _: answered(CONTENT)
    return served_site


@pytest.fixture(scope="module")
def served_vendor() -> Iterator[Site]:
    site = Site()
    with serving(site, None):
        yield site


@pytest.fixture
def vendor(served_vendor: Site) -> Site:
    """A server of this machine, over http: what the settings may name."""
    served_vendor.answer = lambda _: answered(CONTENT)
    return served_vendor


@pytest.fixture(scope="module")
def name_server() -> Iterator[Names]:
    names = Names()
    with serving_names(names):
        yield names


@pytest.fixture
def names(name_server: Names) -> Names:
    name_server.asked.clear()
    name_server.zone = {
        HOST: [[f"A {PUBLIC}"]],
        "other.example": [[f"A {PUBLIC}"]],
        "inside.example": [["A 192.168.0.1"]],
        "alias.example": [["CNAME inside.example"]],
        "metadata.google.internal": [["A 169.254.169.254"]],
        "localhost": [["A 127.0.0.1"]],
        "metadata": [["A 169.254.169.254"]],
    }
    return name_server


@pytest.fixture
def wire(
    names: Names, site: Site, vendor: Site, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Wire]:
    """Public addresses lead to `site`, and to the vendor what is the vendor's."""
    to_vendor = f"127.0.0.1:{vendor.port}"
    made = Wire(names=names, routes={PUBLIC: site.port, to_vendor: vendor.port})

    def connect(plain: socket.socket, address: tuple[object, ...]) -> None:
        made.connect(plain, address)

    monkeypatch.setattr(socket, "getaddrinfo", looking_up(names))
    monkeypatch.setattr(socket.socket, "connect", connect)
    with watching(made):
        yield made
    assert made.escaped == []


@pytest.fixture
def web(trust: Trust, wire: Wire) -> PublicWeb:
    """As it is shipped, but for whose certificates it trusts."""
    return PublicWeb(tls=trust.client())


# The watch itself


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
def test_the_watch_sees_what_must_not_be_opened(names: Names, address: str) -> None:
    wire = Wire(names=names, routes={})

    with watching(wire), socket.socket() as tcp, pytest.raises(Escaped):
        tcp.connect((address, 9))
    with (
        watching(wire),
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        pytest.raises(Escaped),
    ):
        udp.sendto(b"x", (address, 9))

    assert wire.escaped == [f"('{address}', 9)"] * 2


def test_a_public_name_is_fetched(web: PublicWeb, wire: Wire, names: Names) -> None:
    assert fetch(web, f"https://{HOST}/x") == CONTENT
    assert (wire.opened, names.asked) == (OPENED, [HOST])


# Addresses


@pytest.mark.parametrize("url", [pytest.param(url, id=id) for id, url in URLS.items()])
def test_it_is_refused_and_nothing_opened(web: PublicWeb, wire: Wire, url: str) -> None:
    with pytest.raises(NotPublic):
        fetch(web, url)

    assert wire.opened == []


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
def test_a_redirect_is_read_as_strictly(
    web: PublicWeb, wire: Wire, site: Site, to: str
) -> None:
    site.answer = lambda _: redirect(to)

    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/")

    assert wire.opened == OPENED


def test_each_redirect_is_checked_not_only_the_first(
    web: PublicWeb, wire: Wire, site: Site
) -> None:
    ways = {"/1": "/2", "/2": "https://other.example/3", "/3": "https://127.0.0.1/"}
    site.answer = lambda path: redirect(ways[path])

    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/1")

    assert wire.opened == OPENED * 3


# Names


@pytest.mark.parametrize("name", LEADING_INSIDE)
def test_a_name_that_leads_inside_is_refused(
    web: PublicWeb, wire: Wire, names: Names, name: str
) -> None:
    names.zone["hostile.example"] = [LEADING_INSIDE[name]]

    with pytest.raises(NotPublic):
        fetch(web, "https://hostile.example/x")

    assert (wire.opened, names.asked[:1]) == ([], ["hostile.example"])


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
def test_a_name_that_changes_its_mind_is_asked_once(
    web: PublicWeb, wire: Wire, names: Names, inside: str
) -> None:
    names.zone[HOST] = [[f"A {PUBLIC}"], [f"A {inside}"]]

    assert fetch(web, f"https://{HOST}/x") == CONTENT
    assert (wire.opened, names.asked) == (OPENED, [HOST])

    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/x")
    assert (wire.opened, names.asked) == (OPENED, [HOST, HOST])


def test_a_name_that_changes_its_mind_between_redirects_is_refused(
    web: PublicWeb, wire: Wire, names: Names, site: Site
) -> None:
    names.zone[HOST] = [[f"A {PUBLIC}"], ["A 127.0.0.1"]]
    site.answer = lambda _: redirect("/again")

    with pytest.raises(NotPublic):
        fetch(web, f"https://{HOST}/x")

    assert wire.opened == OPENED


# Results of vendors, at an address that the settings name


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/video.mp4",
        "https://inside.example/video.mp4",
        "https://user@127.0.0.1/video.mp4",
        "https://127.0.0.1.inside.example/video.mp4",
        "http://127.0.0.1:8080/video.mp4",
        "https://127.0.0.1/video.mp4",
    ],
)
def test_a_trusted_origin_makes_no_other_trusted(
    web: PublicWeb, wire: Wire, names: Names, url: str
) -> None:
    names.zone["127.0.0.1.inside.example"] = [["A 127.0.0.1"]]

    with pytest.raises(NotPublic):
        fetch(web, url, trusted_origin="http://127.0.0.1")

    assert wire.opened == []


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
def test_a_vendor_that_redirects_inside_is_not_followed(
    web: PublicWeb, wire: Wire, vendor: Site, to: str
) -> None:
    vendor.answer = lambda _: redirect(to)

    with pytest.raises(NotPublic):
        origin = f"http://127.0.0.1:{vendor.port}"
        fetch(web, f"{origin}/x", trusted_origin=origin)

    assert wire.opened == [f"127.0.0.1:{vendor.port}"]
