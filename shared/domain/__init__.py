"""Decides. Imports the standard library and itself; takes time and ids as arguments."""
