"""`make demo`: turns an image into a video, and shows it live in the terminal."""
