"""The deploy root: the entry points, by the names they are deployed under."""

import os

from functions.api import api
from functions.budget_alert import budget_alert
from functions.http.catch_all import install_catch_all
from functions.sweep import sweep
from functions.worker import worker
from shared.settings import refuse_emulators

__all__ = ["api", "budget_alert", "sweep", "worker"]

# Done at import, inside the framework: an emulator's address in the cloud stops the
# start, and `api` answers what the framework would otherwise answer itself.
refuse_emulators(os.environ)
install_catch_all(api)

# The framework makes this gunicorn's limit between two heartbeats of a worker process.
# Cloud Run takes the CPU away between requests, so an instance that wakes up would find
# its worker overdue and kill it, perhaps in a paid call. 0: no such limit.
os.environ["CLOUD_RUN_TIMEOUT_SECONDS"] = "0"
