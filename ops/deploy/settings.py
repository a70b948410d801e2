"""Resolves a deploy's settings: from saved ones, the command line and answers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import npm
from ops.deploy import quota
from ops.deploy.bootstrap import bucket_owner, has_state_bucket, state_bucket
from ops.deploy.checks import Facts, Target, currency, may_manage_budgets
from ops.deploy.context import Context, DeployError
from ops.deploy.google_rest import GoogleRest
from ops.deploy.hosting import HOSTING, SIGN_IN
from ops.deploy.questions import (
    ask,
    budget_question,
    expected_questions,
    questions,
    spend_cap_question,
)
from ops.deploy.variables import Variables, function_settings, load

NO_BUDGET = (
    "  Warning: this account may not see the budgets of the billing account {account}, "
    "so there will be no budget; the caps in USD still hold. To have one: gcloud "
    "billing accounts add-iam-policy-binding {account} --member=user:{who} "
    "--role=roles/billing.costsManager"
)
FEWER_INSTANCES = (
    "  The quota of Cloud Run in {region} is small: at most {api_instances} instances "
    "of api and {worker_instances} of worker will run. Once it is larger: ARGS='--set "
    "api_instances=4 --set worker_instances=4'."
)
BUDGET_VARIABLES = {"gcp_budget_amount", "spend_cap_amount"}
DATASTORE_MODE = (
    "The database of {project} is in Datastore mode, which has no listeners: deploy "
    "into another project, gcloud projects create ID"
)
# infra/firestore.tf does this to an existing database, whatever it holds.
EXISTING_DATABASE = (
    "{project} has a Firestore database already. Its security rules will be replaced; "
    "documents of videos, internal and idempotency will be deleted at their "
    "expires_at; internal, settled, spend, usage and users lose the indexes of their "
    "fields. Is the database for Reelay alone?"
)
# Answers 200 if the project has sign-in, whatever Terraform knows of it.
SIGN_IN_CONFIG = f"{SIGN_IN}/projects/{{project}}/config"
EXISTING_USERS = (
    "{project} has sign-in already, as for another application. The users of that, and "
    "whoever may sign up there, could make videos with Reelay, each of them within "
    "user_daily_limit_usd. Is that what you want?"
)
# What exists already if this answers 200, by its name in the variable `existing`. Where
# its API is off, it doesn't exist.
DETECTED = {
    "firebase_project": "https://firebase.googleapis.com/v1beta1/projects/{project}",
    "firestore_rules": "https://firebaserules.googleapis.com/v1/projects/{project}"
    "/releases/cloud.firestore",
    "hosting_site": f"{HOSTING}/projects/{{project}}/sites/{{project}}",
}
# By the variable for its place: its name in the variable `existing`.
DATA = {"bucket_location": "videos_bucket", "firestore_location": "firestore_database"}
DETECTABLE = {"firestore_database", "videos_bucket", *DETECTED}
TAKEOVER_DECLINED = (
    "Nothing in it was changed. Reelay needs a project of its own: gcloud projects "
    "create ID"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployOptions:
    """`settings`: those of the command line, which override the saved ones.

    `page`: the folder of the built web page.
    """

    target: Target
    settings: Mapping[str, Any]
    page: Path = npm.DIST


def announce(context: Context, options: DeployOptions, saved: Variables) -> None:
    """List what the deploy will ask for, before it asks anything."""
    known = saved | {**options.settings}
    for line in expected_questions(known, context.environ, is_first=not saved):
        context.console.say(f"  - {line}")


def saved_settings(context: Context, options: DeployOptions, facts: Facts) -> Variables:
    """The settings of the last deploy; empty before the first."""
    project = options.target.project
    if not has_state_bucket(context, project, facts["project_number"]):
        return {}
    return load(context, state_bucket(project))


def place_of(name: str, saved: Variables, options: DeployOptions) -> str | None:
    """The chosen `firestore_location` or `bucket_location`; None if it only followed
    the region of an earlier deploy.
    """
    followed = name not in options.settings and saved.get(name) == saved.get("region")
    place: str | None = None if followed else {**saved, **options.settings}.get(name)
    return place


def resolve(
    context: Context, options: DeployOptions, saved: Variables, facts: Facts
) -> Variables:
    """Saved settings, overridden by the command line and completed by questions.

    Raises DeployError if a function would not start with them.
    """
    target, settings = options.target, saved | {**options.settings}
    settings |= {
        "project_id": target.project,
        "region": target.region,
        "billing_account": facts["billing_account"],
        "state_bucket": state_bucket(target.project),
    }
    settings |= look_for_existing(context, target.project, settings, facts)
    for name, data in DATA.items():
        # Functions can move to another region later; data that is there already can't.
        if data not in settings["existing"] or name not in settings:
            settings[name] = place_of(name, saved, options) or target.region
    if not saved:
        _confirm_takeover(context, target.project, settings["existing"])
    settings = _instances(context, target, options, settings)
    settings |= _budget(context, target.project, settings, facts)
    asked = questions(facts["account"])
    if settings.get("enable_budget") and not settings.keys() >= BUDGET_VARIABLES:
        currency_code = currency(context, facts["billing_account"])
        budget_questions = (
            budget_question(currency_code),
            spend_cap_question(currency_code),
        )
        asked = (*budget_questions, *asked)
    variables = ask(context, settings, asked)
    function_settings(variables)
    return variables


def _instances(
    context: Context, target: Target, options: DeployOptions, settings: Variables
) -> Variables:
    """Fit the instances to the quota, read each time as it may have been raised.

    Instances that were chosen stay as they are.
    """
    given = {k: v for k, v in options.settings.items() if k in quota.QUOTAS}
    found = {**quota.read(context, target), **given}
    fewer = quota.instances_that_fit(target, found)
    if fewer and not settings.keys() & fewer.keys():
        context.console.say(FEWER_INSTANCES.format(region=target.region, **fewer))
        settings = {**settings, **fewer}
    return {**settings, **found}


def _budget(
    context: Context, project: str, settings: Variables, facts: Facts
) -> Variables:
    """Enable the budget if this account may set one. Checked until decided."""
    account = facts["billing_account"]
    if settings.get("enable_budget") is False:
        context.console.say("  No budget, as before: ARGS=--budget for one.")
    elif "enable_budget" not in settings:
        if may_manage_budgets(context, account, project):
            return {"enable_budget": True}
        warning = NO_BUDGET.format(account=account, who=facts["account"])
        if settings.get("ci_repository") or settings.get("github_repository"):
            # CI deploys with the saved settings, which must hold the decision.
            raise DeployError(f"{warning}; or say ARGS=--no-budget.".strip())
        context.console.say(warning)
    return {}


def look_for_existing(
    context: Context, project: str, settings: Variables, facts: Facts
) -> Variables:
    """Have existing data imported. A database keeps its location."""
    existing = {*settings.get("existing", ())} - DETECTABLE
    rest = GoogleRest(context=context, project=project)
    for name, url in DETECTED.items():
        if rest.call("GET", url.format(project=project)).status == 200:
            existing.add(name)
    if bucket_owner(context, f"{project}-reelay-videos") == facts["project_number"]:
        existing.add("videos_bucket")
    found = database(context, project)
    if not found:
        return {"existing": sorted(existing)}
    if found["type"] != "FIRESTORE_NATIVE":
        raise DeployError(DATASTORE_MODE.format(project=project))
    existing.add("firestore_database")
    return {"existing": sorted(existing), "firestore_location": found["locationId"]}


def to_save(settings: Variables) -> Variables:
    """`settings` without what each deploy detects, whose names change by release."""
    chosen = {*settings.get("existing", ())} - DETECTABLE
    return settings | {"existing": sorted(chosen)}


def _confirm_takeover(
    context: Context, project: str, existing: Collection[str]
) -> None:
    rest = GoogleRest(context=context, project=project)
    asked = [EXISTING_DATABASE] if "firestore_database" in existing else []
    if rest.call("GET", SIGN_IN_CONFIG.format(project=project)).status == 200:
        asked.append(EXISTING_USERS)
    for question in asked:
        if not context.console.confirm(question.format(project=project)):
            raise DeployError(TAKEOVER_DECLINED)


def database(context: Context, project: str) -> Mapping[str, Any]:
    """gcloud's description of the project's Firestore; empty if there is none, or if
    its API is off.
    """
    where = ("--database=(default)", f"--project={project}", "--format=json")
    return context.run("gcloud", "firestore", "databases", "describe", *where).json()
