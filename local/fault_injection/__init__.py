"""The local stack under every fault that can be injected, and which promises held.

`plan` says what goes wrong for whom, `crash_points` and `injector` carry it out inside
and outside of the functions' processes, `verdict` judges by the `evidence`.
"""
