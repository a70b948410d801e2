"""What is needed from outside, as protocols of a few verbs.

Imports the domain and msgspec.

Every verb may raise `Unreachable` where its dependency does not answer, unless its
docstring says otherwise.
"""
