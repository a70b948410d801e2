"""Ports that browsers block, for servers that can't tell a web page from a program.

Every browser refuses the Fetch standard's list of ports before it opens a connection:
https://fetch.spec.whatwg.org/#port-blocking. Other programs don't.
"""

import fcntl
import os
import random
import tempfile
from contextlib import ExitStack
from pathlib import Path

from local.processes import DidNotStart, require_free

# Blocked by all browsers, and usable without administrator rights.
BLOCKED_PORTS = (
    *(1719, 1720, 1723, 2049, 3659, 4045, 5060, 5061, 6000, 6566),
    *(6665, 6666, 6667, 6668, 6669, 6697, 10080),
)
_ALL_TAKEN = "All ports that browsers block are taken: stop another local stack first."


def reserve_blocked_port(until: ExitStack) -> int:
    """A free one, reserved among this machine's local stacks until `until` closes."""
    for port in random.sample(BLOCKED_PORTS, len(BLOCKED_PORTS)):
        with ExitStack() as reserved:
            name = Path(tempfile.gettempdir(), f"reelay-port-{port}.lock")
            try:
                lock = reserved.enter_context(name.open("a"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.path.samestat(os.fstat(lock.fileno()), name.stat()):
                    continue  # Its previous owner has just removed the file.
                reserved.callback(name.unlink, missing_ok=True)
                require_free("firestore", port)
            except (OSError, DidNotStart):
                continue
            until.push(reserved.pop_all())
            return port
    raise DidNotStart(_ALL_TAKEN)
