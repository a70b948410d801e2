"""A clock that tests move, and predictable IDs."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class FrozenClock:
    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by

    def move_to(self, at: datetime) -> None:
        self.at = max(self.at, at)

    def pause(self, seconds: float) -> None:
        """As the real system's `pause`, without waiting."""
        self.move(timedelta(seconds=seconds))


class CountedIds:
    """id1, id2, id3 …"""

    def __init__(self) -> None:
        self.given = 0

    def new(self) -> str:
        self.given += 1
        return f"id{self.given}"
