"""Benchmarks that need a lab: how long a move takes, seen by packets, with real switches and controllers."""
