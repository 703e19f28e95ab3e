"""Benchmarks of the switch: against a null forwarder with the same packet I/O, and simple_switch_grpc."""
