"""The deploy root of the local stack: main.py's functions, behind the guard.

`functions-framework --source` takes it in the place of main.py.
"""

import os
from pathlib import Path

import flask

from local.http_server import guarded
from local.money import PAID_POSTS_FILE, PAID_POSTS_LIMIT

# The framework reads this file inside its app. Before main.py changes that app, too.
if flask.has_app_context():
    app = flask.current_app
    origins = os.environ.get("ALLOWED_ORIGINS", "").split(",")
    app.wsgi_app = guarded(app.wsgi_app, origins)  # type: ignore[assignment, method-assign]

if PAID_POSTS_FILE in os.environ:
    from local.paid_posts import limit_paid_posts

    limit_paid_posts(
        Path(os.environ[PAID_POSTS_FILE]), most=int(os.environ[PAID_POSTS_LIMIT])
    )

from main import api, budget_alert, sweep, worker

__all__ = ["api", "budget_alert", "sweep", "worker"]
