"""Shared by everything that changes jobs: committing, scheduling, logging, cleanup."""
