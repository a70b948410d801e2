"""The secrets: from the environment into Secret Manager, by stdin alone."""

from collections.abc import Mapping
from secrets import token_urlsafe

from ops.deploy.world import Stopped, World

UNSET = "unset"
# As infra/secrets.tf names them.
SECRETS = {
    "RUNWAY_API_KEY": "runway-api-key",
    "GEMINI_API_KEY": "gemini-api-key",
    "WEBHOOK_SIGNING_SECRET": "webhook-signing-secret",
}
# Generated here if they do not exist yet; the others come from the person who deploys.
MADE_HERE = ("WEBHOOK_SIGNING_SECRET",)
FROM_THE_PERSON = tuple(name for name in SECRETS if name not in MADE_HERE)


def store(world: World, project: str, *, asks: bool = True) -> int | None:
    """Put each key into its secret unless it is there, and return the revision.

    `asks`: the person, for a key that is nowhere.

    The revision is 1 while each secret has only its first version, and grows with each
    further one; None before the secrets exist.
    """
    secrets = _made(world, project)
    for variable, secret in secrets.items():
        _store(world, project, variable, secret, asks=asks)
    if not secrets:
        return None
    return 1 + sum(_latest(world, project, each) - 1 for each in secrets.values())


def _made(world: World, project: str) -> Mapping[str, str]:
    listing = ("secrets", "list", f"--project={project}")
    ran = world.run("gcloud", *listing, "--format=value(name.basename())")
    if not ran.ok:
        raise Stopped(f"The secrets of {project} can't be listed: {ran.stderr.strip()}")
    there = ran.stdout.split()
    return {name: secret for name, secret in SECRETS.items() if secret in there}


def _store(
    world: World, project: str, variable: str, secret: str, *, asks: bool
) -> None:
    there = kept(world, project, secret)
    key = world.environ.get(variable, "").strip()
    if not key and there == UNSET and variable in MADE_HERE:
        key = token_urlsafe(32)
    elif not key and there == UNSET and asks:
        key = world.person.types_secret(f"{variable} (Enter to go without)")
    if key in ("", UNSET, there):
        return
    place = (secret, f"--project={project}", "--data-file=-")
    ran = world.run("gcloud", "secrets", "versions", "add", *place, stdin=key)
    if not ran.ok:
        again = f"gcloud secrets versions add {secret} --project={project}"
        raise Stopped(
            f"{variable} was not stored; to do it yourself: {again} --data-file=-"
        )
    world.person.say(f"  {variable} is stored in the secret {secret}.")


def kept(world: World, project: str, secret: str) -> str:
    """The key in the secret; empty where this account may not read it."""
    named = ("latest", f"--secret={secret}", f"--project={project}")
    return world.run("gcloud", "secrets", "versions", "access", *named).stdout.strip()


def _latest(world: World, project: str, secret: str) -> int:
    newest = ("--sort-by=~createTime", "--limit=1", "--format=value(name.basename())")
    where = (secret, f"--project={project}")
    ran = world.run("gcloud", "secrets", "versions", "list", *where, *newest)
    if not ran.ok:
        raise Stopped(
            f"The versions of the secret {secret} can't be read: {ran.stderr}"
        )
    return int(ran.stdout.strip() or 1)
