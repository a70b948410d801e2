"""What an operator does to a cloud project: deploy, keys, admins, kill switch.

Imports the standard library, `shared`, Google's libraries and `dotenv`; never `local`,
which imports this.
"""
