"""Stand-ins for the video providers: they speak the providers' own HTTP and render."""
