"""Decides whether a provider or a webhook receiver may be called now.

The kill switch, circuits and availability for providers; hanging receivers are skipped.
"""
