"""Ports that no browser connects to, for servers that can't tell a page from a program.

Every browser refuses the Fetch standard's list of ports before it opens a connection:
https://fetch.spec.whatwg.org/#port-blocking. Programs know no such list.
"""

import fcntl
import os
import random
import tempfile
from contextlib import ExitStack
from pathlib import Path

from local.processes import DidNotStart, require_free

# Those that all browsers have in their lists, and that need no administrator.
BLOCKED_PORTS = (
    *(1719, 1720, 1723, 2049, 3659, 4045, 5060, 5061, 6000, 6566),
    *(6665, 6666, 6667, 6668, 6669, 6697, 10080),
)
_ALL_TAKEN = (
    "Each port that browsers keep away from is taken: stop another local stack first."
)


def reserve_blocked_port(until: ExitStack) -> int:
    """A free one, reserved among all local stacks of this machine until then."""
    for port in random.sample(BLOCKED_PORTS, len(BLOCKED_PORTS)):
        with ExitStack() as reserved:
            name = Path(tempfile.gettempdir(), f"reelay-port-{port}.lock")
            try:
                lock = reserved.enter_context(name.open("a"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.path.samestat(os.fstat(lock.fileno()), name.stat()):
                    continue  # The stack that had it has just removed the file.
                reserved.callback(name.unlink, missing_ok=True)
                require_free("firestore", port)
            except (OSError, DidNotStart):
                continue
            until.push(reserved.pop_all())
            return port
    raise DidNotStart(_ALL_TAKEN)
