"""Stand-ins for Google's services on one machine."""
