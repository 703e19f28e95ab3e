"""P4Runtime v1: the server that controllers talk to, above any `target.Target`."""
