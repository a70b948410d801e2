"""Entry points: translate in, call, translate out. Only `main.py` imports them."""
