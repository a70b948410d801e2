"""Parts of the local Cloud Storage, which `local.emulators.storage` serves."""
