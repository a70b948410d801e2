"""What others do in the middle of a call: a race, an outage, a clock that jumps."""

from collections.abc import Callable

Act = Callable[[], object]


def before(part: object, verb: str, act: Act) -> list[tuple[object, ...]]:
    """Call `act` before each call of this method of `part`.

    Returns the calls' positional arguments, as they come.
    """
    plain, calls = getattr(part, verb), list[tuple[object, ...]]()

    def call(*args: object, **kwargs: object) -> object:
        calls.append(args)
        act()
        return plain(*args, **kwargs)

    setattr(part, verb, call)
    return calls


def before_next(part: object, verb: str, *acts: Act) -> None:
    """Call the first of `acts` before the next call, the second before the one after it
    and so on.
    """
    left = list(acts)
    before(part, verb, lambda: left.pop(0)() if left else None)


def after_next(part: object, verb: str, *acts: Act) -> None:
    """As `before_next`, but after each call, before its caller goes on."""
    plain, left = getattr(part, verb), list(acts)

    def call(*args: object, **kwargs: object) -> object:
        result = plain(*args, **kwargs)
        if left:
            left.pop(0)()
        return result

    setattr(part, verb, call)
