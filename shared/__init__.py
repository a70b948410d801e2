"""Everything that is deployed besides the entry points: domain, ports, adapters."""
