"""What the code needs is in Terraform, and what Terraform gives the code knows."""

import ast
import json
import re
import shlex
import zoneinfo
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import main
from functions.http.response_headers import FUNCTION_NAME
from local.__main__ import _parser
from local.page import Page
from ops.deploy import keys
from ops.deploy.__main__ import _parser as deploy_parser
from ops.deploy.choices import assignment
from ops.deploy.down import KEPT
from ops.deploy.failures import EXPLAINED
from shared.domain import naming, timing
from shared.domain.catalogue import (
    DEFAULT_CHAIN,
    PROVIDERS,
    TEXT_MODELS,
    ProviderFacts,
    ProviderId,
)
from shared.domain.errors import ErrorCode
from shared.media.decoder import IMAGE_LIMITS, VIDEO_LIMITS
from shared.settings import LOCAL_ONLY, Settings
from shared.wiring import DISPATCH_DEADLINE
from tests.infra.terraform_files import INFRA, local_values, resources, variables

ROOT = INFRA.parent
LOCALS = local_values()
FUNCTIONS = LOCALS["functions"]
# Read, but not set by Terraform: what Cloud Run sets itself, what is refused in the
# cloud, and the addresses of the vendors, which only a developer's machine changes.
NOT_SET = {
    "K_SERVICE",
    *LOCAL_ONLY,
    "RUNWAYML_BASE_URL",
    "GOOGLE_VERTEX_BASE_URL",
    "GOOGLE_GEMINI_BASE_URL",
}

# Where time zones are named for a place; the rest are countries' old names and offsets.
AREAS = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


class Recording(Mapping[str, str]):
    """An environment that knows which names were asked for."""

    def __init__(self, **environ: str) -> None:
        self._environ = environ
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def names_read() -> set[str]:
    environ = Recording(GOOGLE_CLOUD_PROJECT="p", BUCKET="b", K_SERVICE="api")
    Settings.from_env(environ)
    return environ.asked


def python_files(*places: str) -> list[Path]:
    return [file for place in places for file in sorted((ROOT / place).rglob("*.py"))]


# The environment ----------------------------------------------------------------------


def test_every_variable_that_the_settings_read_is_set() -> None:
    given = {*LOCALS["settings"], *LOCALS["secrets"]}

    assert names_read() - NOT_SET - given == set()


def test_no_variable_is_set_that_the_settings_do_not_read() -> None:
    assert {*LOCALS["settings"], *LOCALS["secrets"]} - names_read() == set()


def test_no_variable_is_set_that_the_cloud_refuses() -> None:
    assert not NOT_SET & {*LOCALS["settings"], *LOCALS["secrets"]}


def test_every_function_gets_all_settings() -> None:
    function = resources()["google_cloudfunctions2_function.functions"]
    given = function["service_config"][0]["environment_variables"]

    assert function["for_each"] == "${local.functions}"
    assert given.startswith("${merge(local.environment,")
    assert "local.settings" in LOCALS["environment"]


def test_only_the_function_that_reads_keys_is_given_them() -> None:
    given = {
        name
        for name, function in FUNCTIONS.items()
        if function["secrets"] == "${local.secrets}"
    }
    asking = {
        file.stem
        for file in python_files("functions")
        if "wiring.advance" in file.read_text()
    }

    assert given == asking == {"worker"}
    assert builders_that_read_a_key() == {"providers"}
    assert built_in_functions() & builders_that_reach("providers") == {"advance"}


def test_the_api_is_given_the_signing_secret_and_no_key_of_a_vendor() -> None:
    is_named = 'name == "WEBHOOK_SIGNING_SECRET"'

    assert FUNCTIONS["api"]["secrets"] == "${local.webhook_secret}"
    assert LOCALS["webhook_secret"].endswith(f"if {is_named}}}}}")


def builders_that_read_a_key() -> set[str]:
    return {
        builder.name
        for builder in wiring_builders()
        for node in ast.walk(builder)
        if isinstance(node, ast.Attribute) and node.attr == "api_keys"
    }


def builders_that_reach(wanted: str) -> set[str]:
    """Those that name it, and those that name these, and so on."""
    named = {
        builder.name: {n.id for n in ast.walk(builder) if isinstance(n, ast.Name)}
        for builder in wiring_builders()
    }
    reached = {wanted}
    while more := {b for b, names in named.items() if names & reached} - reached:
        reached |= more
    return reached


def built_in_functions() -> set[str]:
    texts = (file.read_text() for file in python_files("functions"))
    return {name for text in texts for name in re.findall(r"wiring\.(\w+)", text)}


def wiring_builders() -> list[ast.FunctionDef | ast.ClassDef]:
    tree = ast.parse((ROOT / "shared" / "wiring.py").read_text())
    return [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]


# A deploy -----------------------------------------------------------------------------


def test_the_secrets_are_named_as_in_a_deploy() -> None:
    assert LOCALS["secrets"] == keys.SECRETS


def test_variables_reach_the_functions_under_their_own_names() -> None:
    """So what a function refuses can be named as the variable to set."""
    plain = {
        name: value.removeprefix("${var.").removesuffix("}")
        for name, value in LOCALS["settings"].items()
        if value.startswith("${var.")
    }

    renamed = {name for name, variable in plain.items() if name != variable.upper()}
    assert renamed == {"GOOGLE_CLOUD_PROJECT", "TASKS_LOCATION"}


def test_whatever_terraform_may_not_destroy_is_kept() -> None:
    guarded = {
        name
        for name, body in resources().items()
        for lifecycle in body.get("lifecycle", ())
        if lifecycle.get("prevent_destroy")
    }

    assert guarded and guarded <= KEPT.keys()


# Names --------------------------------------------------------------------------------


def test_every_entry_point_exists_and_every_one_is_deployed() -> None:
    function = resources()["google_cloudfunctions2_function.functions"]

    assert function["build_config"][0]["entry_point"] == "${each.key}"
    assert set(FUNCTIONS) == set(LOCALS["function_names"]) == set(main.__all__)
    assert all(callable(getattr(main, name)) for name in FUNCTIONS)


def test_the_api_knows_the_name_that_is_in_its_address() -> None:
    assert LOCALS["function_names"]["api"] == FUNCTION_NAME


@pytest.mark.parametrize("kind", ["starts", "steps", "webhooks"])
def test_the_functions_get_the_real_name_of_each_queue(kind: str) -> None:
    given = LOCALS["settings"][f"{kind.upper()}_QUEUE"]

    assert given == f'${{google_cloud_tasks_queue.queues["{kind}"].name}}'
    assert kind in json.loads((INFRA / "queues.json").read_text())


def test_the_functions_get_the_real_name_of_the_bucket() -> None:
    assert LOCALS["settings"]["BUCKET"] == "${google_storage_bucket.videos.name}"


def test_every_folder_that_the_code_writes_empties_itself() -> None:
    written = {
        naming.upload_object("user", "image"),
        naming.image_object("job"),
        naming.incoming_folder("job", "attempt"),
        naming.video_object("user", "job"),
    }

    assert {name.partition("/")[0] + "/" for name in written} == set(
        LOCALS["lifecycles"]
    )


# The build ----------------------------------------------------------------------------


def test_no_function_is_built_before_its_builder_may_do_all_it_has_to() -> None:
    waits = resources()["google_cloudfunctions2_function.functions"]["depends_on"]
    grants = {
        name
        for name, body in resources().items()
        if body.get("member") == '${local.members["builder"]}'
    }

    assert len(grants) == 3
    assert {f"${{{name}}}" for name in grants} <= set(waits)
    assert "builder" in LOCALS["project_roles"]
    assert "${google_project_iam_member.grants}" in waits


# Figures ------------------------------------------------------------------------------


def test_post_limit_lease_deadline_and_timeout_come_in_this_order() -> None:
    timeout_seconds = FUNCTIONS["worker"]["timeout_seconds"]

    assert timing.POST_LIMIT < timing.LEASE < DISPATCH_DEADLINE
    assert DISPATCH_DEADLINE.total_seconds() <= timeout_seconds


def test_the_largest_decode_fits_beside_everything_else_in_the_workers_memory() -> None:
    worker = FUNCTIONS["worker"]
    libraries, each_step = 315_000_000, 100_000_000
    decode = max(IMAGE_LIMITS.memory_bytes, VIDEO_LIMITS.memory_bytes)

    assert worker["memory"] == "2Gi"
    assert decode + libraries + each_step * worker["concurrency"] < 2 * 2**30


# What may be chosen -------------------------------------------------------------------


def test_the_chain_is_the_codes_own() -> None:
    assert tuple(variables()["provider_chain"]["default"]) == DEFAULT_CHAIN
    assert set(named_in_the_last_check("provider_chain")) == set(ProviderId)


@pytest.mark.parametrize(
    "facts", PROVIDERS.values(), ids=[f"{name}" for name in PROVIDERS]
)
def test_the_models_to_choose_from_are_the_codes_own(facts: ProviderFacts) -> None:
    offered = {model.model_id for model in facts.models}

    assert set(named_in_the_last_check(facts.model_variable.lower())) == offered


def test_the_model_that_translates_is_one_of_the_codes_own() -> None:
    assert set(named_in_the_last_check("translation_model")) == {*TEXT_MODELS, "off"}


def test_every_time_zone_of_a_place_may_be_chosen() -> None:
    [accepted] = named_in_the_last_check("limits_time_zone")
    known = zoneinfo.available_timezones()
    places = {name for name in known if name.startswith(AREAS)}

    assert len(places) > 300
    assert not {name for name in {*places, "UTC"} if not re.match(accepted, name)}


def named_in_the_last_check(variable: str) -> list[str]:
    """The texts in quotes that the variable's last validation compares with."""
    condition = variables()[variable]["validation"][-1]["condition"]
    return re.findall(r'"([^"]+)"', condition)


# What a person has to type ----------------------------------------------------------


def test_every_command_of_guides_and_runbooks_exists() -> None:
    guides = [
        folder / f"{name}{language}"
        for folder, name in ((INFRA, "README"), (ROOT / "docs", "runbook"))
        for language in (".md", ".ko.md")
    ]
    texts = "\n".join(guide.read_text() for guide in guides)
    commands = set(re.findall(r"-m (?:local|ops) ([^`\n]+)", texts))

    assert {command.split()[0] for command in commands} == {
        "admin",
        "generation",
        "key",
    }
    for command in commands:
        _parser().parse_args(shlex.split(command))


def test_every_option_that_is_shown_survives_the_shell_and_make() -> None:
    """Both of which take quotes away."""
    guides = [
        *(INFRA.glob("README*.md")),
        *((ROOT / "docs").glob("*.md")),
        *(ROOT.glob("README*.md")),
    ]
    texts = [*(guide.read_text() for guide in guides), *EXPLAINED.values()]
    shown = set(re.findall(r"""\bARGS=("[^"`]+"|'[^'`]+'|[-\w=]+)""", "\n".join(texts)))
    assert len(shown) > 8
    for options in shown:
        [given] = shlex.split(options)
        asked = deploy_parser().parse_args(["up", "--project=p", *shlex.split(given)])
        for setting in asked.set:
            assignment(setting.replace("=NUMBER", "=5"))


def test_both_deployment_guides_show_the_same_commands() -> None:
    def blocks(name: str) -> list[str]:
        text = (INFRA / name).read_text()
        return re.findall(r"```console\n(.*?)```", text, re.DOTALL)

    assert blocks("README.md") == blocks("README.ko.md") != []


# Logs ---------------------------------------------------------------------------------

EVENT = re.compile(r'jsonPayload\.message=\(?((?:\\?"\w+\\?"(?: OR )?)+)')


@cache
def logged() -> dict[str, set[str]]:
    """The events that the code logs, each with all fields that it may have.

    `write` is what some call one of the methods of `log`.
    """
    found: dict[str, set[str]] = {}
    for file in python_files("shared", "functions"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log")) | ast.Name(id="write"),
                    args=[ast.Constant(value=str(event))],
                ):
                    fields = {keyword.arg or "**" for keyword in node.keywords}
                    found.setdefault(event, set()).update(fields)
    return found


def events(text: str) -> set[str]:
    return {
        name for names in EVENT.findall(text) for name in re.findall(r"[a-z_]+", names)
    }


def test_every_event_that_alerts_wait_for_is_logged() -> None:
    awaited = {
        name: events(alert["filter"]) for name, alert in LOCALS["event_alerts"].items()
    }

    assert all(awaited.values())
    assert set().union(*awaited.values()) <= set(logged())


def test_every_field_that_an_alert_shows_is_logged() -> None:
    unknown = {
        (name, field)
        for name, alert in LOCALS["event_alerts"].items()
        for field in alert["labels"]
        if not any(field in logged()[event] for event in events(alert["filter"]))
    }

    assert not unknown


def test_every_field_that_a_metric_counts_is_logged() -> None:
    counted = {
        (event, field)
        for counter in LOCALS["counters"].values()
        for event in events(counter["filter"])
        for field in counter["labels"].values()
    } | {("attempt_finished", d["field"]) for d in LOCALS["distributions"].values()}

    assert {event for event, _ in counted} == {"job_finished", "attempt_finished"}
    assert not {(e, field) for e, field in counted if field not in logged()[e]}


def test_a_users_own_faults_are_codes_of_the_code() -> None:
    assert set(LOCALS["users_own_codes"]) <= set(ErrorCode)


def test_the_page_learns_the_same_from_the_cloud_as_on_one_machine() -> None:
    addresses = dict.fromkeys(("api", "firestore", "storage"), "")
    config = Page(project="p", addresses=addresses, folder=ROOT).config()

    # That nothing is paid is said on one machine alone.
    assert {*LOCALS["page"], "firebase"} == config.keys() - {"simulated"}
