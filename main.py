"""The deploy root: the entry points under the names they are deployed with."""

import gc
import os

# No garbage collection until the first answer: see functions/start.py.
gc.disable()

from gunicorn.config import ControlSocketDisable

from functions.api import api
from functions.budget_alert import budget_alert
from functions.http.catch_all import install_catch_all
from functions.start import collect_garbage_from_the_first_answer, refuse_wrong_settings
from functions.sweep import sweep
from functions.worker import worker
from shared.settings import refuse_emulators

__all__ = ["api", "budget_alert", "sweep", "worker"]

# Runs at import, inside the framework: an emulator's address in the cloud stops the
# start, and so do wrong settings; `api` handles requests that the framework would
# otherwise answer itself.
refuse_emulators(os.environ)
refuse_wrong_settings()
install_catch_all(api)

# The framework passes this to gunicorn as the worker's heartbeat timeout. Cloud Run
# throttles the CPU between requests, so an instance that wakes up would find its worker
# overdue and kill it, possibly during a paid call. 0 disables the timeout.
os.environ["CLOUD_RUN_TIMEOUT_SECONDS"] = "0"

# Nothing controls a running gunicorn, and several of one user would share one socket.
ControlSocketDisable.default = True

# Cloud Storage's client would ask for the bucket's own metadata beside each call, for
# traces that aren't made. No function may read it.
os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"

collect_garbage_from_the_first_answer()
