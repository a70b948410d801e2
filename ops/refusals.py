"""Turns an error of Google's into one sentence that says what the operator can do."""

from collections.abc import Iterator

from google.api_core import exceptions

NO_CREDENTIALS = (
    "You are not logged in, or your login has expired: run `gcloud auth "
    "application-default login`, or name the emulator in FIRESTORE_EMULATOR_HOST."
)
WRONG_CREDENTIALS = (
    "GOOGLE_APPLICATION_CREDENTIALS names a file that Google does not accept: correct "
    "it, or unset it and run `gcloud auth application-default login`."
)
OFFLINE = "Google, or the emulator, does not answer: check your network."
API_DISABLED = (
    "{service} is off in {project}: `gcloud services enable {service} "
    "--project={project}`."
)
NO_PROJECT = (
    "There is no project {project}, or you may not use it: check its name, or ask its "
    "owner for {role} and roles/serviceusage.serviceUsageConsumer."
)
NO_ROLE = (
    "You may not do this in {project}: check its name, or ask its owner for {role}."
)
NO_DATABASE = "{project} has no database: check its name, or deploy Reelay there first."
NO_USERS = "{project} keeps no users: check its name, or deploy Reelay there first."
UNKNOWN = "The request failed in {project}: {why}."

# By the `reason` of google.rpc.ErrorInfo.
_BY_REASON = {
    "SERVICE_DISABLED": API_DISABLED,
    "CONSUMER_INVALID": NO_PROJECT,
    "USER_PROJECT_DENIED": NO_PROJECT,
}
# By Identity Toolkit's message, which is such a word, alone or before a colon.
_BY_MESSAGE = {
    "CONFIGURATION_NOT_FOUND": NO_USERS,
    "PROJECT_NOT_FOUND": NO_PROJECT,
    "INSUFFICIENT_PERMISSION": NO_ROLE,
}


def refusal(error: Exception, *, project: str, role: str) -> str:
    """The sentence for `error`, which is ours. If Google's error caused it, by that."""
    for cause in _causes(error):
        if isinstance(cause, exceptions.GoogleAPICallError):
            service = (cause.metadata or {}).get("service", "The API")
            return _sentence(cause).format(
                project=project, role=role, service=service, why=error
            )
    return UNKNOWN.format(project=project, why=error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _sentence(error: exceptions.GoogleAPICallError) -> str:
    if sentence := _BY_REASON.get(error.reason or ""):
        return sentence
    for word, sentence in _BY_MESSAGE.items():
        if word in error.message:
            return sentence
    match error:
        case exceptions.Unauthenticated() | exceptions.Unauthorized():
            return NO_CREDENTIALS
        case exceptions.Forbidden():
            return NO_ROLE
        case exceptions.NotFound():
            return NO_DATABASE
        case exceptions.ServiceUnavailable() | exceptions.GatewayTimeout():
            return OFFLINE
        case _:
            return UNKNOWN
