"""Adapters to providers of videos: import the domain, the ports and their own SDK."""
