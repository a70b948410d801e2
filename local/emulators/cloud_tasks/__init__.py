"""What Cloud Tasks promises, a part a file; `local.emulators.tasks` serves it."""
