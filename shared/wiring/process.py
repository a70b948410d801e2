"""Builds a process's settings, identity, database, and the checks of its callers."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog

from shared import logs, tracing
from shared.domain.errors import NotConfigured
from shared.ports.identity import Callers, Tokens
from shared.rates import RateLimit
from shared.settings import Settings
from shared.wiring.once import once

if TYPE_CHECKING:
    from shared.gcp.firestore_calls import Database

log = structlog.get_logger()


@once
def settings() -> Settings:
    logs.configure()
    loaded = Settings.from_env(os.environ)
    if loaded.trace_sample_ratio > 0:
        from shared.gcp.cloud_trace import CloudTracer

        tracing.use(
            CloudTracer(
                project=loaded.project,
                ratio=loaded.trace_sample_ratio,
                credentials=credentials(),
                emulator=loaded.trace_emulator,
            )
        )
    return loaded


def require_settings() -> None:
    """NotConfigured if the settings are invalid; the reason is logged as well.

    It keeps no state, because it runs before gunicorn forks.
    """
    try:
        Settings.from_env(os.environ)
    except NotConfigured as wrong:
        logs.configure()
        log.critical("settings_refused", reason=str(wrong))
        raise


@once
def credentials() -> Any:
    """This process's own identity, cached once found, since finding it takes time.

    Where none is found, returns None, and the next call looks again.
    """
    from shared.gcp.credentials import default_credentials

    return default_credentials()


@once
def database() -> "Database":
    """One per process: each client opens a channel, which threads can share."""
    from google.cloud import firestore

    from shared.gcp.firestore_calls import Database

    return Database(firestore.Client(project=settings().project))


@once
def tokens() -> Tokens:
    from google.auth.transport.requests import AuthorizedSession

    from shared.gcp import firebase_tokens as firebase
    from shared.gcp.bearer_tokens import BearerTokens
    from shared.gcp.firestore_keys import FirestoreKeys
    from shared.gcp.user_lookup import UserLookup

    project, keys, lookup = settings().project, FirestoreKeys(database()), None
    if emulator := settings().auth_emulator:
        decode = firebase.decode_signed(project, f"http://{emulator}/certs")
    else:
        decode = firebase.decode_signed(project)
        lookup = UserLookup(project, AuthorizedSession(credentials()))
    rate = RateLimit(settings().user_requests_per_second)
    users = firebase.FirebaseTokens(project, decode, lookup, rate)
    return BearerTokens(firebase=users, keys=keys, lookup=lookup, rate=rate)


def worker_callers() -> Callers:
    return _callers(settings().worker_audience, settings().tasks_invoker)


def sweep_callers() -> Callers:
    return _callers(settings().sweep_audience, settings().scheduler_invoker)


def budget_callers() -> Callers:
    return _callers(settings().budget_alert_audience, settings().pubsub_invoker)


@cache
def _callers(audience: str, invoker_email: str) -> Callers:
    from shared.gcp.oidc import OidcCheck

    current = settings()
    return OidcCheck(
        audience=audience,
        invoker_email=invoker_email,
        signature_removed=current.in_cloud,
        certs_url=current.oidc_certs_url,
    )
