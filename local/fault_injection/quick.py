"""A deploy root like main.py: the same functions, with limits scaled by TIME_SCALE.

`functions-framework --source` loads it instead of main.py.
"""

import os

from local.fault_injection.time_scale import scale_limits

scale_limits(float(os.environ["TIME_SCALE"]))

from local.entry import api, budget_alert, sweep, worker  # noqa: E402 - after scaling

__all__ = ["api", "budget_alert", "sweep", "worker"]
