"""One request's way to its reply: decided in pure code, done by two short drivers."""
