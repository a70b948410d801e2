"""`make chaos`: runs jobs under every fault that can be injected, and checks promises.

`plan` decides what goes wrong for which job, `crash_points` and `injector` carry it out
inside and outside of the functions' processes, `verdict` judges by the `evidence`.
"""
