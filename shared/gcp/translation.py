"""Errors of client libraries become ours, by one table for each service."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shared.domain.errors import ReelayError

# The first row that matches holds.
Table = Sequence[tuple[type[Exception], type[ReelayError]]]


@contextmanager
def translated(table: Table, doing: str) -> Iterator[None]:
    """`doing` names the service and the call; what `table` doesn't list is a bug."""
    try:
        yield
    except tuple(theirs for theirs, _ in table) as error:
        ours = next(ours for theirs, ours in table if isinstance(error, theirs))
        _let_go(error)
        raise ours(f"{doing}: {type(error).__name__}") from error


def _let_go(error: BaseException | None) -> None:
    """The retries of Google's libraries keep the error, whose tracebacks keep them and
    all that their callers hold, such as images, until garbage is looked for.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
