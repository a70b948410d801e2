"""Decides whether a provider may be asked now: kill switch, circuits, availability."""
