"""Decodes untrusted images and videos in a child process.

Imports the domain, the ports, structlog, PIL and av. `decoder` is the adapter: it runs
`child` with limits, and `child` runs `image` or `video` on its standard input. No other
code opens an image or a video from outside.
"""
