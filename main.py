"""The deploy root: the entry points, by the names they are deployed under."""

import os

from functions.api import api
from functions.budget_alert import budget_alert
from functions.http.catch_all import install_catch_all
from functions.sweep import sweep
from functions.worker import worker
from shared.settings import refuse_emulators_in_cloud

__all__ = ["api", "budget_alert", "sweep", "worker"]

# All that is done at import: in the cloud an emulator set stops the start, and the
# framework, which reads this file inside its app, lets `api` answer what it would not.
refuse_emulators_in_cloud(os.environ)
install_catch_all(api)
