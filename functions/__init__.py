"""Entry points: translate in, call, translate out. Imported by `main.py` alone."""
