"""One outside service a file: imports the domain, the ports and its own library."""
