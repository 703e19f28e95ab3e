"""P4Info: the control plane's view of a program, with the names and ids that p4c gives."""
