"""Publishing the web page in a deploy: what visitors see after each run."""

import json
import sys

import pytest

from ops.deploy.context import DeployError
from ops.deploy.hosting import Content
from tests.ops.deploying import CONFIG, PAGE, Desk, failed

SITE = "google_firebase_hosting_site.web[0]"
FOR_EVER = "public, max-age=31536000, immutable"


def test_the_page_is_published_with_this_projects_configuration(desk: Desk) -> None:
    desk.up()

    assert desk.hosting.live["/index.html"] == "the page"
    assert json.loads(desk.hosting.live["/config.json"]) == json.loads(CONFIG)
    assert f"{PAGE} answers, as it should." in desk.console.output


def test_the_policy_names_this_projects_hosts_and_no_others(desk: Desk) -> None:
    desk.up()

    policy = desk.hosting.headers["Content-Security-Policy"]
    assert "*" not in policy
    assert "unsafe" not in policy
    assert " https://us-central1-my-project.cloudfunctions.net " in policy
    assert f"frame-src {PAGE}" in policy


def test_a_missing_file_is_a_404_that_is_not_kept_for_a_year(desk: Desk) -> None:
    (desk.page / "assets").mkdir()
    (desk.page / "assets" / "first-1.js").write_text("of this release")
    desk.up()

    assert desk.hosting.get("/assets/first-1.js") == ("/assets/first-1.js", FOR_EVER)
    assert desk.hosting.get("/assets/first-0.js") == (None, "no-cache")
    for view in ("/", "/usage"):
        assert desk.hosting.get(view) == ("/index.html", "no-cache")


def test_an_unchanged_page_is_not_published_again(desk: Desk) -> None:
    desk.up()

    desk.up()

    assert len(desk.hosting.releases) == 1
    assert "It was published already." in desk.console.output


def test_a_page_whose_policy_alone_changed_is_new() -> None:
    def digest(policy: str) -> str:
        return Content(files={"/index.html": b"-"}, config={"headers": policy}).digest

    assert digest("default-src *") != digest("default-src 'self'")


def test_only_changed_files_are_uploaded(desk: Desk) -> None:
    desk.up()
    before = desk.hosting.uploads
    (desk.page / "index.html").write_text("a newer page")

    desk.up()

    assert desk.hosting.live["/index.html"] == "a newer page"
    assert desk.hosting.uploads == before + 1


@pytest.mark.parametrize(
    "at", ["update_mask", ":populateFiles", "/upload/", "/releases?v"]
)
def test_an_interrupted_publication_shows_the_old_page_and_continues(
    at: str, desk: Desk
) -> None:
    desk.up()
    (desk.page / "index.html").write_text("a newer page")
    desk.hosting.refuses = at

    with pytest.raises(DeployError, match="run the same command again"):
        desk.up()
    assert desk.hosting.live["/index.html"] == "the page"

    desk.hosting.refuses = "#"
    desk.up()
    assert desk.hosting.live["/index.html"] == "a newer page"


def test_a_disabled_sign_in_method_is_not_offered_and_explained(desk: Desk) -> None:
    desk.hosting.google_sign_in = False

    desk.up()

    assert json.loads(desk.hosting.live["/config.json"])["signIn"] == ["email"]
    assert "/my-project/authentication/providers" in desk.console.output


def test_without_node_a_deploy_stops_before_anything_is_created(desk: Desk) -> None:
    desk.installed.python = failed("Install Node.js.")

    for work in (desk.plan, desk.up):
        with pytest.raises(DeployError, match=r"Install Node\.js\..*enable_web=false"):
            work()
    assert desk.installed.count("terraform") == 2  # its version
    assert desk.installed.count("gcloud services enable") == 0
    assert desk.console.questions == []

    desk.plan(enable_web=False)
    desk.up(enable_web=False)
    assert desk.hosting.live == {}
    desk.up()  # without the page, as the deploy before


def test_a_page_that_could_not_be_built_is_not_published(desk: Desk) -> None:
    desk.installed.broken = f"{sys.executable} -m ops.npm"
    desk.installed.works = "--check"

    with pytest.raises(DeployError, match="could not be built"):
        desk.up()
    assert desk.hosting.live == {}


def test_a_page_that_is_not_shown_yet_is_reported(desk: Desk) -> None:
    desk.not_shown = PAGE

    with pytest.raises(DeployError, match="does not show it yet"):
        desk.up()
    assert desk.hosting.live["/index.html"] == "the page"


@pytest.mark.parametrize("is_there", [False, True])
def test_an_existing_site_is_imported(*, is_there: bool, desk: Desk) -> None:
    desk.hosting.is_there = is_there

    desk.up()

    assert ("hosting_site" in desk.imported) is is_there


def test_destroying_takes_the_page_offline_and_says_that_its_address_stays(
    desk: Desk,
) -> None:
    desk.up()
    desk.installed.state = f"a.b\n{SITE}\n"

    desk.down()

    assert desk.hosting.live == {}
    assert "Stays: the address of the web page" in desk.console.output
    assert desk.installed.count(f"terraform state rm -lock-timeout=60s {SITE}") == 1

    desk.up()
    assert desk.hosting.live["/index.html"] == "the page"
