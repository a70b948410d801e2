"""Simulators of the video providers, which speak their HTTP and render real videos."""
