"""One way to make a video a file: imports the domain, the ports and its own SDK."""
