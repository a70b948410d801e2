"""Entry points: parse the request, call a use case, render the response.

Only `main.py` imports them.
"""
