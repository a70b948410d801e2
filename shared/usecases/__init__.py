"""The API's use cases, one per file: what a call does, independent of HTTP and Google.

Imports the domain, the ports, `shared.jobs`, `shared.guards` and structlog.
"""
