"""What `make demo` runs: one image becomes a video, shown live in the terminal."""
