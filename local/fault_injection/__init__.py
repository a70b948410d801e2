"""The local stack under every failure that can be staged, and what came of it."""
