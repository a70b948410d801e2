"""The web page's part of a deploy: what visitors see after each run."""

import json
from pathlib import Path

import pytest

from ops.deploy.world import Stopped
from tests.ops.deploying import CONFIG, PAGE, Desk, failed

SITE = "google_firebase_hosting_site.web[0]"


def test_the_page_is_published_with_this_projects_configuration(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)

    desk.up()

    assert desk.hosting.live["/index.html"] == "the page"
    assert json.loads(desk.hosting.live["/config.json"]) == json.loads(CONFIG)
    assert f"{PAGE} answers, as it should." in desk.person.heard


def test_the_policy_names_this_projects_hosts_and_no_others(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    desk.up()

    policy = desk.hosting.headers["Content-Security-Policy"]
    assert "*" not in policy
    assert "unsafe" not in policy
    assert " https://us-central1-my-project.cloudfunctions.net " in policy
    assert f"frame-src {PAGE}" in policy


def test_what_is_published_already_is_not_published_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up()

    desk.up()

    assert len(desk.hosting.releases) == 1
    assert "It was published already." in desk.person.heard


def test_only_what_changed_is_uploaded(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up()
    before = desk.hosting.uploads
    (desk.page / "index.html").write_text("a newer page")

    desk.up()

    assert desk.hosting.live["/index.html"] == "a newer page"
    assert desk.hosting.uploads == before + 1


@pytest.mark.parametrize(
    "at", ["update_mask", ":populateFiles", "/upload/", "/releases?v"]
)
def test_a_publication_that_was_cut_off_shows_what_was_before_and_continues(
    at: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.up()
    (desk.page / "index.html").write_text("a newer page")
    desk.hosting.refuses = at

    with pytest.raises(Stopped, match="run the same command again"):
        desk.up()
    assert desk.hosting.live["/index.html"] == "the page"

    desk.hosting.refuses = "#"
    desk.up()
    assert desk.hosting.live["/index.html"] == "a newer page"


def test_a_way_to_sign_in_that_is_off_is_not_offered_and_said_how_to_switch_on(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    desk.hosting.google_sign_in = False

    desk.up()

    assert json.loads(desk.hosting.live["/config.json"])["signIn"] == ["email"]
    assert "/my-project/authentication/providers" in desk.person.heard


def test_without_node_a_deploy_stops_before_anything_is_made(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.python = failed("Install Node.js.")

    with pytest.raises(Stopped, match=r"Install Node\.js\..*enable_web=false"):
        desk.up()
    assert desk.installed.count("terraform") == 1  # its version
    assert desk.installed.count("gcloud services enable") == 0
    assert desk.person.asked == []

    desk.up(enable_web=False)
    assert desk.hosting.live == {}
    desk.up()  # without the page, as the deploy before


def test_node_is_named_beside_what_else_is_missing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, account="")
    desk.installed.python = failed("Install Node.js.")
    desk.installed.terraform = None

    with pytest.raises(Stopped) as reason:
        desk.up()

    for missing in ("Terraform is not", "You are not logged in", "Install Node.js."):
        assert missing in str(reason.value)


def test_a_plan_says_that_node_is_missing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.python = failed("Install Node.js.")

    with pytest.raises(Stopped, match=r"Install Node\.js\."):
        desk.plan()

    desk.plan(enable_web=False)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_site_that_is_there_is_imported(*, is_there: bool, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.hosting.is_there = is_there

    desk.up()

    assert ("hosting_site" in desk.settings["existing"]) is is_there  # type: ignore[operator]


def test_destroying_takes_the_page_off_and_says_that_its_address_stays(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    desk.up()
    desk.installed.state = f"a.b\n{SITE}\n"

    desk.down()

    assert desk.hosting.live == {}
    assert "Stays: the address of the web page" in desk.person.heard
    assert desk.installed.count(f"terraform state rm -lock-timeout=60s {SITE}") == 1

    desk.up()
    assert desk.hosting.live["/index.html"] == "the page"
