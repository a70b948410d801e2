"""What Cloud Storage promises, a part a file; `local.emulators.storage` serves it."""
