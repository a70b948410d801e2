"""The four links against small servers and captured exchanges."""
