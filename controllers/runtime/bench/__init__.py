"""Benchmarks of BGP that need no lab: a reflector as a process, and clients that only count."""
