"""The code and Terraform agree on settings, names, roles, figures and choices."""

import ast
import itertools
import json
import re
import shlex
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

import main
from functions.http.response_headers import FUNCTION_NAME
from local.__main__ import _parser
from local.page import Page
from ops.deploy import keys
from ops.deploy.__main__ import _parser as deploy_parser
from ops.deploy.down import KEPT_RESOURCES
from ops.deploy.failures import MANUAL_FIXES
from ops.deploy.settings import DETECTABLE
from ops.deploy.variables import parse_assignment
from ops.page_headers import hosting
from shared.domain import naming, timing
from shared.domain.catalogue import (
    DEFAULT_CHAIN,
    PROVIDERS,
    TEXT_MODELS,
    ProviderFacts,
    ProviderId,
)
from shared.domain.errors import ErrorCode
from shared.domain.request import Frame
from shared.gcp.firestore_calls import CallLimits
from shared.media.decoder import IMAGE_LIMITS, VIDEO_LIMITS
from shared.ports.store import TaskQueue
from shared.setting_values import UNSET
from shared.settings import LOCAL_ONLY, Settings
from shared.wiring.adapters import DISPATCH_DEADLINE
from shared.wiring.steps import STEP_SECONDS
from tests.infra.terraform_files import (
    INFRA,
    local_values,
    providers,
    resources,
    variables,
)

ROOT = INFRA.parent
LOCALS = local_values()
FUNCTIONS = LOCALS["functions"]
# Settings that Terraform doesn't set: those that Cloud Run sets, those refused in the
# cloud, and the vendors' URLs, which only a developer's machine changes.
NOT_SET = {
    "K_SERVICE",
    *LOCAL_ONLY,
    "RUNWAYML_BASE_URL",
    "GOOGLE_VERTEX_BASE_URL",
    "GOOGLE_GEMINI_BASE_URL",
}

# Time zones named for a place; the others are old names of countries, and offsets.
PLACE = re.compile(
    r"(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/"
)


class Recording(Mapping[str, str]):
    """An environment that records which names were read."""

    def __init__(self, **environ: str) -> None:
        self._environ = environ
        self.names_read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names_read.add(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


def names_read() -> set[str]:
    environ = Recording(GOOGLE_CLOUD_PROJECT="p", BUCKET="b", K_SERVICE="api")
    Settings.from_env(environ)
    return environ.names_read


def python_files(*places: str) -> list[Path]:
    return [file for place in places for file in sorted((ROOT / place).rglob("*.py"))]


# The environment ----------------------------------------------------------------------


def test_every_setting_is_set_and_none_that_the_cloud_refuses() -> None:
    assert {*LOCALS["settings"], *LOCALS["secrets"]} == names_read() - NOT_SET


def test_every_function_gets_all_settings() -> None:
    function = resources()["google_cloudfunctions2_function.functions"]
    given = function["service_config"][0]["environment_variables"]

    assert function["for_each"] == "${local.functions}"
    assert given.startswith("${merge(local.environment,")
    assert "local.settings" in LOCALS["environment"]


def test_only_functions_that_read_keys_get_them() -> None:
    given = {
        name
        for name, function in FUNCTIONS.items()
        if function["secrets"] == "${local.secrets}"
    }
    asking = {
        file.stem
        for file in python_files("functions")
        if "steps.advance" in file.read_text()
    }

    assert given == asking == {"worker"}
    assert builders_that_read_a_key() == {"providers"}
    assert built_in_functions() & builders_that_reach("providers") == {"advance"}


def builders_that_read_a_key() -> set[str]:
    return {
        builder.name
        for builder in wiring_builders()
        for node in ast.walk(builder)
        if isinstance(node, ast.Attribute) and node.attr == "api_keys"
    }


def builders_that_reach(wanted: str) -> set[str]:
    """The builders that call `wanted`, directly or indirectly."""
    named = {
        builder.name: {
            getattr(node, "id", None) or getattr(node, "attr", None)
            for node in ast.walk(builder)
        }
        for builder in wiring_builders()
    }
    reached = {wanted}
    while more := {b for b, names in named.items() if names & reached} - reached:
        reached |= more
    return reached


def built_in_functions() -> set[str]:
    texts = (file.read_text() for file in python_files("functions"))
    called = (
        rf"\b(?:{'|'.join(file.stem for file in python_files('shared/wiring'))})\.(\w+)"
    )
    return {name for text in texts for name in re.findall(called, text)}


def wiring_builders() -> list[ast.FunctionDef | ast.ClassDef]:
    return [
        node
        for file in python_files("shared/wiring")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]


# A deploy -----------------------------------------------------------------------------


def test_the_secrets_have_the_same_names_as_in_a_deploy() -> None:
    assert LOCALS["secrets"] == keys.SECRETS


def test_variables_reach_the_functions_under_their_own_names() -> None:
    """So that a function's refusal can name the variable to set."""
    plain = {
        name: value.removeprefix("${var.").removesuffix("}")
        for name, value in LOCALS["settings"].items()
        if value.startswith("${var.")
    }

    renamed = {name for name, variable in plain.items() if name != variable.upper()}
    assert renamed == {"GOOGLE_CLOUD_PROJECT", "TASKS_LOCATION"}


@pytest.mark.parametrize("provider", ["google", "google-beta"])
def test_a_deploy_uses_the_quota_of_its_own_project(provider: str) -> None:
    """In gcloud's own project, the APIs of billing and Firebase are off."""
    block = providers()[provider]

    assert block["user_project_override"] is True
    assert block["billing_project"] == "${var.project_id}"


def test_resources_that_terraform_must_not_destroy_are_kept() -> None:
    guarded = {
        name
        for name, body in resources().items()
        for lifecycle in body.get("lifecycle", ())
        if lifecycle.get("prevent_destroy")
    }

    # Firebase in a project can't be deleted, so Terraform doesn't try.
    assert guarded | {"google_firebase_project.this"} == KEPT_RESOURCES.keys()


def test_whatever_may_exist_already_is_imported() -> None:
    imported = {
        name
        for file in INFRA.glob("*.tf")
        for block in re.findall(r"\nimport \{(.*?)\n}", file.read_text(), re.DOTALL)
        for name in re.findall(r'setintersection\(var.existing, \["(\w+)"', block)
    }

    assert imported == set(named_in_the_last_check("existing"))
    # Only an operator, or `make destroy`, can say that there are users already.
    assert imported == {*DETECTABLE, "identity_platform"}


# Names --------------------------------------------------------------------------------


def test_the_entry_points_are_the_functions_deployed() -> None:
    function = resources()["google_cloudfunctions2_function.functions"]

    assert function["build_config"][0]["entry_point"] == "${each.key}"
    assert set(FUNCTIONS) == set(LOCALS["function_names"]) == set(main.__all__)
    assert all(callable(getattr(main, name)) for name in FUNCTIONS)


def test_the_api_knows_the_name_in_its_url() -> None:
    assert LOCALS["function_names"]["api"] == FUNCTION_NAME


@pytest.mark.parametrize("kind", ["starts", "steps", "webhooks"])
def test_the_functions_get_the_real_name_of_each_queue(kind: str) -> None:
    given = LOCALS["settings"][f"{kind.upper()}_QUEUE"]

    assert given == f'${{google_cloud_tasks_queue.queues["{kind}"].name}}'
    assert kind in json.loads((INFRA / "queues.json").read_text())


def test_the_functions_get_the_real_name_of_the_bucket() -> None:
    assert LOCALS["settings"]["BUCKET"] == "${google_storage_bucket.videos.name}"


def test_every_folder_that_the_code_writes_has_a_lifecycle_rule() -> None:
    written = {
        naming.upload_object("user", "image"),
        naming.image_object("job", Frame.FIRST),
        naming.incoming_folder("job", "attempt"),
        naming.video_object("user", "job", "attempt"),
    }

    assert {name.partition("/")[0] + "/" for name in written} == set(
        LOCALS["lifecycles"]
    )


# The build ----------------------------------------------------------------------------


def test_no_function_is_built_before_its_builder_has_all_roles() -> None:
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


def test_no_function_starts_before_what_it_calls_is_there_and_allowed() -> None:
    waits = resources()["google_cloudfunctions2_function.functions"]["depends_on"]

    assert {each.removeprefix("${").removesuffix("}") for each in waits} >= {
        "google_secret_manager_secret_version.unset",
        "google_secret_manager_secret_iam_member.worker_reads_keys",
        "google_secret_manager_secret_iam_member.api_reads_webhook_secret",
        "google_storage_bucket_iam_member.videos",
        "google_cloud_tasks_queue_iam_member.enqueuers",
        "google_service_account_iam_member.enqueuers_act_as_tasks_invoker",
        "google_service_account_iam_member.signers_sign_as_themselves",
    }


def test_the_alert_on_a_new_metric_is_made_after_the_functions() -> None:
    """Google knows the metric only some minutes after it was made."""
    alert = resources()["google_monitoring_alert_policy.failure_ratio"]

    assert alert["depends_on"] == ["${google_cloudfunctions2_function.functions}"]


def test_a_key_that_was_imported_in_place_of_the_first_version_stays() -> None:
    version = resources()["google_secret_manager_secret_version.unset"]

    assert version["lifecycle"][0]["ignore_changes"] == ["secret_data_wo_version"]


def test_a_first_version_counts_as_not_configured() -> None:
    version = resources()["google_secret_manager_secret_version.unset"]

    assert version["secret_data_wo"] == UNSET


# Grants -------------------------------------------------------------------------------


def test_no_grant_removes_googles_own_and_only_the_api_is_public() -> None:
    """The tests in infra/ check the grants that they name; here it is all of them."""
    kinds = {name.partition(".")[0] for name in resources() if "_iam_" in name}
    public = {
        name
        for name, body in resources().items()
        if body.get("member") in ("allUsers", "allAuthenticatedUsers")
    }

    assert not {kind for kind in kinds if kind.endswith(("_binding", "_policy"))}
    assert public == {"google_cloud_run_v2_service_iam_member.api_is_public"}


def test_there_is_no_grant_on_the_project_but_these() -> None:
    on_project = "google_project_iam_member."
    found = {name for name in resources() if name.startswith(on_project)}

    assert {name.removeprefix(on_project) for name in found} == {
        "grants",
        "tracers",
        "api_translates",
        "builder_reads_copied_source",
        "deployer",
        "deployer_grants",
        "checker_writes_its_log",
    }


def test_the_sweep_may_enqueue_where_its_code_does_and_nowhere_else() -> None:
    code = (ROOT / "shared" / "worker" / "sweep.py").read_text()
    used = {TaskQueue[name].value for name in re.findall(r"TaskQueue\.([A-Z]+)", code)}

    assert used == set(LOCALS["enqueuers"]["sweep"])
    assert set(LOCALS["enqueuers"]["api"]) == set(TaskQueue)


# Figures ------------------------------------------------------------------------------


def test_post_limit_lease_deadline_and_timeout_are_in_this_order() -> None:
    timeout_seconds = FUNCTIONS["worker"]["timeout_seconds"]
    step = timedelta(seconds=STEP_SECONDS)

    assert timing.POST_LIMIT < timing.LEASE < step < DISPATCH_DEADLINE
    assert DISPATCH_DEADLINE.total_seconds() <= timeout_seconds


def test_the_largest_decode_fits_beside_everything_else_in_the_workers_memory() -> None:
    worker = FUNCTIONS["worker"]
    libraries, each_step = 315_000_000, 100_000_000
    decode = max(IMAGE_LIMITS.memory_bytes, VIDEO_LIMITS.memory_bytes)

    assert worker["memory"] == "2Gi"
    assert decode + libraries + each_step * worker["concurrency"] < 2 * 2**30


# Choices ------------------------------------------------------------------------------


def test_the_default_chain_is_the_codes() -> None:
    assert tuple(variables()["provider_chain"]["default"]) == DEFAULT_CHAIN
    assert set(named_in_the_last_check("provider_chain")) == set(ProviderId)


@pytest.mark.parametrize(
    "facts", PROVIDERS.values(), ids=[f"{name}" for name in PROVIDERS]
)
def test_the_models_to_choose_from_are_the_codes(facts: ProviderFacts) -> None:
    offered = {model.model_id for model in facts.models}

    assert set(named_in_the_last_check(facts.model_variable.lower())) == offered


def test_the_translation_models_to_choose_from_are_the_codes() -> None:
    assert set(named_in_the_last_check("translation_model")) == {*TEXT_MODELS, "off"}


def test_every_time_zone_of_a_place_can_be_chosen() -> None:
    [accepted] = named_in_the_last_check("limits_time_zone")
    places = set(filter(PLACE.match, zoneinfo.available_timezones()))

    assert len(places) > 300
    assert not {name for name in {*places, "UTC"} if not re.match(accepted, name)}


def named_in_the_last_check(variable: str) -> list[str]:
    """The quoted texts in the variable's last validation."""
    condition = variables()[variable]["validation"][-1]["condition"]
    return re.findall(r'"([^"]+)"', condition)


# Commands that people type ------------------------------------------------------------


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


def test_every_documented_option_survives_the_shell_and_make() -> None:
    """Both remove quotes."""
    guides = [
        *(INFRA.glob("README*.md")),
        *((ROOT / "docs").glob("*.md")),
        *(ROOT.glob("README*.md")),
    ]
    texts = [*(guide.read_text() for guide in guides), *MANUAL_FIXES.values()]
    # What a fix fills in, as for a setting that was refused.
    text = "\n".join(texts).replace("{variable}=…", "retention_days=5")
    shown = set(re.findall(r"""\bARGS=("[^"`]+"|'[^'`]+'|[-\w=]+)""", text))
    assert len(shown) > 8
    for options in shown:
        [given] = shlex.split(options)
        asked = deploy_parser().parse_args(["up", "--project=p", *shlex.split(given)])
        for setting in asked.set:
            parse_assignment(setting.replace("=NUMBER", "=5"))


def test_both_deployment_guides_show_the_same_commands() -> None:
    def blocks(name: str) -> list[str]:
        without_comments = re.sub(r" +# .*", "", (INFRA / name).read_text())
        return re.findall(r"```console\n(.*?)```", without_comments, re.DOTALL)

    assert blocks("README.md") == blocks("README.ko.md") != []


# Codes, and the page ------------------------------------------------------------------


def test_the_codes_of_users_own_faults_exist() -> None:
    assert set(LOCALS["users_own_codes"]) <= set(ErrorCode)


def test_the_page_gets_the_same_configuration_in_the_cloud_as_locally() -> None:
    addresses = dict.fromkeys(("api", "firestore", "storage"), "")
    config = Page(project="p", addresses=addresses, folder=ROOT).config()

    # Only on a developer's machine does the page say that nothing is paid.
    assert {*LOCALS["page"], "firebase"} == config.keys() - {"simulated"}


def test_the_pages_key_opens_what_the_page_calls_and_nothing_else() -> None:
    """Everybody can read it: with an unrestricted one, they could call Gemini."""
    (restrictions,) = resources()["google_apikeys_key.web"]["restrictions"]
    (targets,) = restrictions["dynamic"]
    opened = {f"{name}.googleapis.com" for name in targets["api_targets"]["for_each"]}
    (policy,) = re.findall(r"connect-src ([^;]*)", json.dumps(hosting()))
    called = set(re.findall(r"https://(\w+\.googleapis\.com)", policy))

    # Videos are loaded by signed URLs.
    assert opened == called - {"storage.googleapis.com"}


def test_what_is_switched_off_gets_another_name_when_it_is_switched_on_again() -> None:
    """Its name stays blocked for weeks, so the random end of it goes with it."""
    found = resources()
    named = [
        (name, end)
        for name, body in found.items()
        for end in re.findall(r"random_id\.\w+", json.dumps(body))
    ]

    assert named
    for name, end in named:
        assert found[name].get("count") == found[end].get("count"), name


@pytest.mark.parametrize("try_seconds", [0.0, CallLimits().total])
def test_a_kept_answers_next_try_is_never_further_away_than_a_step_waits_for_it(
    try_seconds: float,
) -> None:
    """From the first one until no other provider could be asked any more."""
    steps = json.loads((INFRA / "queues.json").read_text())["steps"]
    first, most = steps["min_backoff_seconds"], steps["max_backoff_seconds"]
    tries = [0.0]
    for nth in range(steps["max_attempts"] - 1):
        tries.append(tries[-1] + try_seconds + min(first * 2**nth, most))
    # The longest pause is reached by doubling.
    assert first * 2 ** (steps["max_doublings"] + 1) >= most

    starts = [nth * timing.ANSWER_SPACING for nth in range(timing.ANSWER_TASKS)]
    at = sorted(start + timedelta(seconds=each) for start in starts for each in tries)

    assert max(b - a for a, b in itertools.pairwise(at)) < timing.ANSWER_WAIT
    assert at[-1] >= timing.JOB_LIMIT - timing.MIN_TIME_FOR_AN_ATTEMPT
