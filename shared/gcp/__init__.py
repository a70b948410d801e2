"""Adapters to Google Cloud and the web, one service per file.

Each imports the domain, the ports and its own client library.
"""
