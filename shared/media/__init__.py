"""Decodes foreign bytes in a child process. Imports the domain, the ports, PIL and av.

`decoder` is the adapter: it runs `child` with limits, and `child` runs `image` or
`video` on its standard input. No other part opens an image or a video from outside.
"""
