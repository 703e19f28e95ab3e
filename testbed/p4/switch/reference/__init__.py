"""The slow engine: bmv2 JSON interpreted, one file per concern, to be read like a specification.

target = ReferenceTarget()
target.load(parse_program(Path("pe.json").read_bytes()))
target.inject(1, frame)  # -> [(port, frame), ...]
"""

from testbed.p4.switch.reference.target import ReferenceTarget

__all__ = ["ReferenceTarget"]
