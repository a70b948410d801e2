"""What Cloud Storage promises, a part a file; `local.storage` serves it."""
