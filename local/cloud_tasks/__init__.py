"""What Cloud Tasks promises, a part a file; `local.tasks` serves it."""
