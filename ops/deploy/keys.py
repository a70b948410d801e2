"""Stores keys in Secret Manager. They are passed to gcloud on stdin alone."""

import re
from collections.abc import Mapping
from secrets import token_urlsafe

from ops.deploy.context import Context, DeployError
from shared.setting_values import UNSET, parse_key

REPLACE = (
    "The {variable} of .env, or of the environment, is another one than the project's. "
    "Jobs under way are polled with the new one: if it belongs to another account, "
    "what is paid for is lost. Store it in place of the project's?"
)
OTHER_HERE = (
    "  The {variable} of .env, or of the environment, is another one than the "
    "project's, which stays: with another, the webhook secret of every key changes."
)
UNUSABLE = re.compile(r"is in (DISABLED|DESTROYED) state")
NEEDS_ANOTHER = (
    "The newest version of the secret {secret} is disabled or destroyed, so no new "
    "instance of a function that reads it starts. Put another key into .env and run "
    "the same command again; or go without one: printf unset | gcloud secrets versions "
    "add {secret} --project={project} --data-file=-"
)
# As infra/secrets.tf names them.
SECRETS = {
    "RUNWAY_API_KEY": "runway-api-key",
    "GEMINI_API_KEY": "gemini-api-key",
    "WEBHOOK_SIGNING_SECRET": "webhook-signing-secret",
}
# Generated if there is none yet; the others come from the user.
GENERATED = ("WEBHOOK_SIGNING_SECRET",)
PROVIDED = tuple(name for name in SECRETS if name not in GENERATED)


def store(context: Context, project: str, *, asks: bool = True) -> int | None:
    """Store each key in its secret, unless it is there, and return the keys' revision.

    `asks`: whether to prompt for a key that is neither in the environment nor stored.

    The revision is 1 while each secret has only its first version, and grows with each
    further one; None before the secrets exist.
    """
    secrets = _existing(context, project)
    for variable, secret in secrets.items():
        _store(context, project, variable, secret, asks=asks)
    if not secrets:
        return None
    newest = (newest_version(context, project, each) for each in secrets.values())
    return 1 + sum(max(number - 1, 0) for number in newest)


def _existing(context: Context, project: str) -> Mapping[str, str]:
    listing = ("secrets", "list", f"--project={project}")
    result = context.run("gcloud", *listing, "--format=value(name.basename())")
    if not result.ok:
        raise DeployError(
            f"The secrets of {project} can't be listed: {result.stderr.strip()}"
        )
    stored = result.stdout.split()
    return {name: secret for name, secret in SECRETS.items() if secret in stored}


def _store(
    context: Context, project: str, variable: str, secret: str, *, asks: bool
) -> None:
    key = context.environ.get(variable, "").strip()
    stored = _stored_key(context, project, secret, is_replaced=bool(key))
    if not key and stored == UNSET and variable in GENERATED:
        key = token_urlsafe(32)
    elif not key and stored == UNSET and asks:
        key = context.console.prompt_secret(f"{variable} (Enter to go without)")
    if key in ("", UNSET, stored):
        return
    if variable in PROVIDED:
        _refuse_malformed(variable, key)
    if stored != UNSET and not _is_replaced(context, variable, asks=asks):
        return
    place = (secret, f"--project={project}", "--data-file=-")
    result = context.run("gcloud", "secrets", "versions", "add", *place, stdin=key)
    if not result.ok:
        again = f"gcloud secrets versions add {secret} --project={project}"
        raise DeployError(
            f"{variable} was not stored: {result.stderr.strip()}\n"
            f"To do it yourself: {again} --data-file=-"
        )
    context.console.say(f"  {variable} is stored in the secret {secret}.")


def _refuse_malformed(variable: str, key: str) -> None:
    """Raises DeployError for a key with which the worker would not start."""
    try:
        parse_key(key)
    except ValueError as wrong:
        raise DeployError(f"{variable}: {wrong}. It was not stored.") from None


def _is_replaced(context: Context, variable: str, *, asks: bool) -> bool:
    """Whether a key of the project gives way to another one, from here."""
    if variable in GENERATED:
        if asks:
            context.console.say(OTHER_HERE.format(variable=variable))
        return False
    return asks and context.console.confirm(REPLACE.format(variable=variable))


def _stored_key(
    context: Context, project: str, secret: str, *, is_replaced: bool
) -> str:
    """The key in the secret; empty if this account may not read it.

    If the newest version is unusable, UNSET where another key is given
    (`is_replaced`); otherwise raises DeployError.
    """
    named = ("latest", f"--secret={secret}", f"--project={project}")
    result = context.run("gcloud", "secrets", "versions", "access", *named)
    if not UNUSABLE.search(result.stderr):
        return result.stdout.strip()
    if is_replaced:
        return UNSET
    raise DeployError(NEEDS_ANOTHER.format(secret=secret, project=project))


def newest_version(context: Context, project: str, secret: str) -> int:
    """The number of its newest version; 0 if it has none."""
    newest = ("--sort-by=~createTime", "--limit=1", "--format=value(name.basename())")
    where = (secret, f"--project={project}")
    result = context.run("gcloud", "secrets", "versions", "list", *where, *newest)
    if not result.ok:
        raise DeployError(
            f"The versions of the secret {secret} can't be read: {result.stderr}"
        )
    return int(result.stdout.strip() or 0)
