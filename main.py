"""The root module of a deployment: exports each entry point under its deployed name."""

import gc
import os
from functools import partial

# No garbage collection until the first response: see functions/start.py.
gc.disable()

from gunicorn import util
from gunicorn.config import ControlSocketDisable, Keepalive

from functions.api import api
from functions.budget_alert import budget_alert
from functions.http.catch_all import install_catch_all
from functions.start import enable_gc_after_first_response, require_valid_settings
from functions.sweep import sweep
from functions.worker import worker
from shared.settings import refuse_emulators

__all__ = ["api", "budget_alert", "sweep", "worker"]

# Runs when the framework imports this module. Invalid settings, or the address of an
# emulator in the cloud, abort the start. `api` also handles requests that the framework
# would otherwise answer itself.
refuse_emulators(os.environ)
require_valid_settings()
install_catch_all(api)

# The framework passes this to gunicorn as the worker's heartbeat timeout. Cloud Run
# throttles the CPU between requests, so when an instance resumes, gunicorn would find
# its worker overdue and kill it, possibly during a paid call. 0 disables the timeout.
os.environ["CLOUD_RUN_TIMEOUT_SECONDS"] = "0"

# We don't use gunicorn's control socket, and all gunicorns of one user would share it.
ControlSocketDisable.default = True

# By default gunicorn closes a connection that was idle for two seconds, maybe just as
# the next request arrives on it, which then fails. Google's load balancers close theirs
# after 600 s, and clients sooner.
Keepalive.default = 620

# After its last answer on a connection, gunicorn waits for the client to hang up, by
# default for two seconds, in the thread that accepts connections. Whatever the client
# still sends has been read by then: see functions/http/receiving.py.
util.close_graceful = partial(util.close_graceful, timeout=0.01)

enable_gc_after_first_response()
