"""Ports: what the application needs from outside, as small protocols.

Imports the domain and msgspec.

Every method may raise `Unreachable` if its dependency does not answer, unless its
docstring says otherwise.
"""
