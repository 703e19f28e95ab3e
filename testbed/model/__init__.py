"""The topology: what its author writes, what is wrong with it, and everything that follows from it."""

from testbed.model.derive import derive
from testbed.model.errors import Problem, TopologyError
from testbed.model.load import load_plan, load_topology, topology_from_text
from testbed.model.plan import Endpoint, Plan
from testbed.model.schema import topology_schema
from testbed.model.topology import Topology

__all__ = [
    "Endpoint",
    "Plan",
    "Problem",
    "Topology",
    "TopologyError",
    "derive",
    "load_plan",
    "load_topology",
    "topology_from_text",
    "topology_schema",
]
