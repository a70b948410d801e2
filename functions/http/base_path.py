"""Below which path the api is reached: one of its two addresses has its name in it."""

from flask import Request

# Cloud Functions' address of a function; Cloud Run's has nothing but a host. The name
# in the path is taken off before the request comes here.
FUNCTIONS_DOMAIN = ".cloudfunctions.net"
FUNCTION_NAME = "api"


def root(request: Request) -> str:
    """`/api/` at REGION-PROJECT.cloudfunctions.net, `/` wherever else we are."""
    host = request.host.partition(":")[0].lower()
    return f"/{FUNCTION_NAME}/" if host.endswith(FUNCTIONS_DOMAIN) else "/"
