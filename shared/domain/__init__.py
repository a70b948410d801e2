"""The functional core: pure rules that decide, without any I/O.

Imports the standard library, msgspec and itself. Time and ids are arguments.
"""
