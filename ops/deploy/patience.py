"""How long a command is asked again that fails for what passes by itself."""

from collections import Counter

from ops.deploy.trouble import passing
from ops.deploy.world import World


class Patience:
    """One command's: each reason is waited for as often as the table says."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waited: Counter[str] = Counter()

    def outlasts(self, stderr: str) -> bool:
        """Whether to ask again, which is told and waited for here."""
        wait = passing(stderr)
        if wait is None or self._waited[wait.why] == wait.tries:
            return False
        self._waited[wait.why] += 1
        self._world.person.say(
            f"  That passes by itself ({wait.why}): again in {wait.seconds} s."
        )
        self._world.wait_seconds(wait.seconds)
        return True
