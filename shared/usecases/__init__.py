"""One use case per file, for the API: what a call does, without HTTP or Google.

Imports the domain, the ports, `shared.jobs`, `shared.guards` and structlog.
"""
