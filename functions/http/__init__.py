"""HTTP for all functions: routing, request bodies, responses, errors, OpenAPI."""
