"""Commands for operators of a cloud project: deploy, API keys, admins, kill switch.

Imports the standard library, `shared`, Google's libraries and `dotenv`; never `local`,
which imports this package.
"""
