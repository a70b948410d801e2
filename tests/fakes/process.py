"""A process that dies in the middle of its work."""

from typing import NoReturn


class Died(BaseException):
    """The process ends here: no handler of `Exception` runs."""


def die() -> NoReturn:
    raise Died
