"""HTTP for every function: routing, bodies, answers, errors, the API's description."""
