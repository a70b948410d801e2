"""Decides. Imports the standard library, msgspec and itself.

Time and ids are arguments.
"""
