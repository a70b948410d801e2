"""The settings of a deploy: what was kept, what the command line says, the answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops import npm
from ops.deploy import choices as chosen
from ops.deploy import quota
from ops.deploy.bootstrap import owns_bucket, state_bucket, there_is_a_state_bucket
from ops.deploy.checks import Facts, Target, budget_may_be_set, currency
from ops.deploy.hosting import Site
from ops.deploy.world import Stopped, World

NO_BUDGET = (
    "  Warning: this account may not see the budgets of the billing account {account}, "
    "so there will be no budget; the caps in USD still hold. To have one: gcloud "
    "billing accounts add-iam-policy-binding {account} --member=user:{who} "
    "--role=roles/billing.costsManager"
)
FEWER = (
    "  The quota of Cloud Run in {region} is small: at most {api_instances} instances "
    "of api and {worker_instances} of worker will run. Once it is larger: ARGS='--set "
    "api_instances=4 --set worker_instances=4'."
)
OF_THE_BUDGET = {"gcp_budget_amount", "spend_cap_amount"}
DATASTORE = (
    "The database of {project} is in Datastore mode, which has no listeners: deploy "
    "into another project, gcloud projects create ID"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`settings`: those of the command line, which win over the kept ones.

    `page`: where the built web page is.
    """

    target: Target
    settings: Mapping[str, Any] = field(default_factory=dict)
    page: Path = npm.DIST


def announce(world: World, asked: Asked, facts: Facts) -> None:
    """List what the deploy is going to ask for, before it asks anything."""
    kept = kept_settings(world, asked, facts)
    known = kept | {**asked.settings}
    for line in chosen.announced(known, world.environ, is_first=not kept):
        world.person.say(f"  - {line}")


def kept_settings(world: World, asked: Asked, facts: Facts) -> chosen.Choices:
    """Those of the last deploy; nothing before the first."""
    project = asked.target.project
    if not there_is_a_state_bucket(world, project, facts["project_number"]):
        return {}
    return chosen.load(world, state_bucket(project))


def settle(world: World, asked: Asked, facts: Facts) -> chosen.Choices:
    """Kept settings, overridden by the command line; the rest is asked for."""
    target, bucket = asked.target, state_bucket(asked.target.project)
    kept = kept_settings(world, asked, facts) | {**asked.settings}
    # Functions can move to another region later; what the bucket holds can't.
    kept.setdefault("bucket_location", target.region)
    kept |= {
        "project_id": target.project,
        "region": target.region,
        "billing_account": facts["billing_account"],
        "state_bucket": bucket,
    }
    kept |= _existing(world, target.project, kept, facts)
    kept = _instances(world, target, asked, kept)
    kept |= _budget(world, target.project, kept, facts)
    asked_for = chosen.questions(facts["account"])
    if kept.get("enable_budget") and not kept.keys() >= OF_THE_BUDGET:
        money = currency(world, facts["billing_account"])
        of_budget = (chosen.budget_question(money), chosen.spend_cap_question(money))
        asked_for = (*of_budget, *asked_for)
    choices = chosen.ask(world, kept, asked_for)
    chosen.refuse_what_functions_would(choices)
    return choices


def _instances(
    world: World, target: Target, asked: Asked, kept: chosen.Choices
) -> chosen.Choices:
    """Read from Google each time, as the quota may have been raised; a choice stays."""
    found = quota.read(world, target)
    fewer = quota.fitting(target, {**found, **_chosen_quota(asked)})
    if fewer and not kept.keys() & fewer.keys():
        world.person.say(FEWER.format(region=target.region, **fewer))
        kept = {**kept, **fewer}
    return {**kept, **found, **_chosen_quota(asked)}


def _chosen_quota(asked: Asked) -> chosen.Choices:
    return {
        name: asked.settings[name] for name in quota.QUOTAS if name in asked.settings
    }


def _budget(
    world: World, project: str, kept: chosen.Choices, facts: Facts
) -> chosen.Choices:
    """Left out only where someone chose so; else Google is asked each time."""
    account = facts["billing_account"]
    if kept.get("enable_budget") is False:
        world.person.say("  No budget, as before: ARGS=--budget for one.")
    elif "enable_budget" not in kept:
        if budget_may_be_set(world, account, project):
            return {"enable_budget": True}
        warning = NO_BUDGET.format(account=account, who=facts["account"])
        if kept.get("ci_repository"):
            # Cloud Build deploys with the kept settings, which must then say so.
            raise Stopped(f"{warning}; or say ARGS=--no-budget.".strip())
        world.person.say(warning)
    return {}


def _existing(
    world: World, project: str, kept: chosen.Choices, facts: Facts
) -> chosen.Choices:
    """Data that is there is imported. A database never moves."""
    found_anew = {"firestore_database", "videos_bucket", "hosting_site"}
    existing = {*kept.get("existing", ())} - found_anew
    if Site(world=world, project=project).is_there():
        existing.add("hosting_site")
    if owns_bucket(world, f"{project}-reelay-videos", facts["project_number"]):
        existing.add("videos_bucket")
    found = database(world, project)
    if not found:
        return {"existing": sorted(existing)}
    if found["type"] != "FIRESTORE_NATIVE":
        raise Stopped(DATASTORE.format(project=project))
    existing.add("firestore_database")
    return {"existing": sorted(existing), "firestore_location": found["locationId"]}


def database(world: World, project: str) -> Mapping[str, Any]:
    """The project's Firestore; empty where there is none, or its API is off."""
    where = ("--database=(default)", f"--project={project}", "--format=json")
    ran = world.run("gcloud", "firestore", "databases", "describe", *where)
    found: Mapping[str, Any] = json.loads(ran.stdout) if ran.ok else {}
    return found
