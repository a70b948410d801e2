"""Composition root: the only folder that names concrete adapters.

`process` builds the settings, the process's identity and the checks of its callers;
`adapters` the stores, the queue, the bucket and the providers; `guards` what decides
whether a provider is asked; `use_cases` what the api calls; `steps` what the worker and
the sweep call.

Builders run once per process, at first use. Adapters, and with them Google's clients
and the providers' SDKs, are imported inside the builders, so a cold start pays only for
what its function needs, and no client exists before gunicorn forks.
"""
