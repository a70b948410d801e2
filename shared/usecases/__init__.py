"""Carries out one use case a file: imports the domain, the ports and `shared.logs`."""
