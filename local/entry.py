"""The local stack's deploy root: main.py's functions behind the guard.

`functions-framework --source` loads it instead of main.py.
"""

import os
from pathlib import Path
from typing import Any

import flask

from functions.http.receiving import DRAIN_STRANGER, drain
from local.http_server import guarded
from local.money import PAID_POSTS_FILE, PAID_POSTS_LIMIT


def drain_refused(environ: dict[str, Any]) -> None:
    """Otherwise gunicorn reads the rest of the body in one of the serving threads."""
    drain(environ, environ["wsgi.input"], DRAIN_STRANGER)


# functions-framework loads this file within its app's context. The guard comes first,
# before main.py changes the app, too.
if flask.has_app_context():
    app = flask.current_app
    origins = os.environ.get("ALLOWED_ORIGINS", "").split(",")
    # The usual way to wrap a Flask app in middleware.
    app.wsgi_app = guarded(app.wsgi_app, origins, drain_refused)  # type: ignore[assignment, method-assign]

if PAID_POSTS_FILE in os.environ:
    from local.paid_posts import limit_paid_posts

    limit_paid_posts(
        Path(os.environ[PAID_POSTS_FILE]), limit=int(os.environ[PAID_POSTS_LIMIT])
    )

from main import api, budget_alert, sweep, worker  # noqa: E402 - it wraps the app as it is by now

__all__ = ["api", "budget_alert", "sweep", "worker"]
