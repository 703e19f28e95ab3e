"""Run a topology by Mininet's own command:

sudo mn --custom topologies/mn_lab.py --topo vmto,wan --test pingall
sudo mn --custom topologies/mn_lab.py --topo vmto,wan --controller fabric,evpn

The second leaves you at Mininet's prompt, with the commands `where` and `migrate vm1 dc2` added to it.
"""

from testbed.lab.mn import FabricController, PatientCLI, contain, topology

contain()

topos = {"vmto": topology}
controllers = {"fabric": FabricController}
CLI = PatientCLI


def findController():  # noqa: N802 - what mn asks for where no --controller is given
    """Use the topology's controllers unless told otherwise."""
    return FabricController
