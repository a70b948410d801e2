"""The deploy root: the entry points, by the names they are deployed under."""

import os

from functions.api import api
from functions.budget_alert import budget_alert
from functions.sweep import sweep
from functions.worker import worker
from shared.settings import refuse_emulators_in_cloud

__all__ = ["api", "budget_alert", "sweep", "worker"]

# The one thing that is done at import: in the cloud an emulator set stops the start.
refuse_emulators_in_cloud(os.environ)
