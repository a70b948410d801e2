"""Parts of the local Cloud Tasks, which `local.emulators.tasks` serves."""
