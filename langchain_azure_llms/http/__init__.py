"""HTTP requests: when to send them again, which error they end in, and the I/O itself."""
