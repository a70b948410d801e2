"""What schemathesis is not to send: it is loaded there, by SCHEMATHESIS_HOOKS."""

from typing import Any

import schemathesis


@schemathesis.hook
def filter_case(
    context: schemathesis.HookContext, case: schemathesis.Case[Any]
) -> bool:
    """No line breaks in paths: the framework itself answers those, with its own 404."""
    values = (case.path_parameters or {}).values()
    return not any(len(str(value).splitlines()) > 1 for value in values)
