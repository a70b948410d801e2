"""What ships beside the entry points: the domain, its ports, and their adapters."""
