"""Maps the exceptions of client libraries to our own, by one table per service."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shared.domain.errors import ReelayError

# The first matching row applies.
ErrorTable = Sequence[tuple[type[Exception], type[ReelayError]]]


@contextmanager
def map_errors(table: ErrorTable, call: str) -> Iterator[None]:
    """Raises our error `from` theirs. Any other error is a bug, and passes through.

    `call` names the service and the call, for the message.
    """
    try:
        yield
    except tuple(theirs for theirs, _ in table) as error:
        ours = next(ours for theirs, ours in table if isinstance(error, theirs))
        _drop_tracebacks(error)
        raise ours(f"{call}: {type(error).__name__}") from error


def _drop_tracebacks(error: BaseException | None) -> None:
    """Breaks a reference cycle: the retries of Google's libraries keep the error, whose
    tracebacks keep the retries and all that their callers hold, such as images, until
    the garbage collector runs.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
