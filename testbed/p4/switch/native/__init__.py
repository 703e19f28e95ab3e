"""The native engine of the switch: bmv2 programs as compiled C, packets in threads of their own."""

from testbed.p4.switch.native.engine import NativeTarget

__all__ = ["NativeTarget"]
