"""Tests of what stands in for the cloud and the vendors on one machine."""
