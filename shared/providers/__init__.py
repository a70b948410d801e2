"""Adapters to video providers. Each imports the domain, the ports and its own SDK."""
