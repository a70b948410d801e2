"""`make dev`: the local stack for frontend developers, with a list of its addresses."""

import os
import subprocess
import threading
from collections.abc import Mapping
from urllib.request import getproxies

from rich.console import Console
from rich.table import Table

from local.identity import user_token
from local.page import DEFAULT_USER
from local.processes import MAX_PORT, PARTS, DidNotStart
from local.stack import Stack, StackOptions
from ops import npm

FIRST_PORT = 8700


def first_port(text: str) -> int:
    """Raises DidNotStart unless it leaves ports for all parts of the stack."""
    last = MAX_PORT - len(PARTS) + 1
    if text.isdecimal() and len(text) <= len(str(last)):
        port = int(text)
        if 0 < port <= last:
            return port
    raise DidNotStart(
        f"PORT is the first of {len(PARTS)} ports, a whole number from 1 to {last}; "
        f"{text} isn't."
    )


def stable_ports(first: int) -> dict[str, int]:
    """The parts' ports, the same every time."""
    return {part: first + index for index, part in enumerate(PARTS)}


def run(environ: Mapping[str, str], *, first_port: int, faults: str) -> None:
    """Run until interrupted. `faults`: how the simulated providers fail."""
    console = Console(highlight=False)
    missing = npm.missing_for_page()
    status = console.status("Starting the local stack …")
    options = StackOptions(
        environ=environ,
        ports=stable_ports(first_port),
        faults=faults,
        live_page=not missing,
        say=lambda part: status.update(f"Starting {part} …"),
    )
    stack = Stack(options)
    if not missing:
        _install()
    with status:
        stack.__enter__()
    try:
        style = "yellow" if stack.vendors.real else "dim"
        console.print(f"[{style}]{stack.money}[/]\n")
        for sentence in missing:
            console.print(f"[yellow]{sentence}[/]\n")
        webhooks = environ.get("WEBHOOK_RECEIVER", "")
        welcome(console, stack, webhooks=webhooks, faults=faults)
        threading.Event().wait()
    finally:
        with console.status("Stopping the local stack …"):
            stack.__exit__(None, None, None)


def _install() -> None:
    try:
        npm.install()
    except subprocess.CalledProcessError:
        raise DidNotStart(
            "npm could not install the web page's packages; it says why above."
        ) from None


def welcome(console: Console, stack: Stack, *, webhooks: str, faults: str) -> None:
    """Print the addresses, what to paste, and how to stop.

    `webhooks`: the address that gets all of them; empty for the jobs' own.
    """
    api, announced = stack.addresses["api"], stack.announcement()
    shown = Table.grid(padding=(0, 2))
    more = {"webhooks": webhooks, "faults": faults}
    for name, value in _list(announced | more).items():
        shown.add_row(f"[bold]{name}[/]", value)
    token = user_token(stack.project, DEFAULT_USER)
    console.print(shown)
    console.print(
        f"\n[bold]To paste[/]; the token of `{DEFAULT_USER}` is valid for an hour:"
    )
    console.print(f"export API={api}\nexport TOKEN={token}", soft_wrap=True)
    if "http" in getproxies():
        console.print(f"export no_proxy={os.environ['no_proxy']}", soft_wrap=True)
    console.print(
        "Another: .venv/bin/python -m local token USER [--admin]\n"
        f"An API key: FIRESTORE_EMULATOR_HOST={announced['firestore']} "
        f".venv/bin/python -m local key make {DEFAULT_USER}\n\n"
        f"[bold]Try it:[/] {announced['web']} makes videos in a browser; {api}/docs "
        "has a curl command for each call.\n"
        f"[bold]Logs:[/] {stack.folder}/worker.log, and one for each other part\n"
        "[bold]Ctrl-C[/] stops everything and deletes its jobs and videos.",
        soft_wrap=True,
    )


def _list(announced: dict[str, str]) -> dict[str, str]:
    names = {
        "web": "web page",
        "api": "API",
        "firestore": "Firestore emulator",
        "storage": "Cloud Storage",
        "runway": "simulated Runway",
        "google": "simulated Google",
        "project": "project",
        "bucket": "bucket",
        "webhooks": "all webhooks go to",
        "faults": "simulated faults",
    }
    there = {names[k]: announced[k] for k in names if announced.get(k)}
    return there | {"documentation": f"{announced['api']}/docs"}
