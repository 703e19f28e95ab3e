"""bmv2 programs to C."""
