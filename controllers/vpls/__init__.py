"""VPLS, the baseline: pseudo-wires by BGP, MACs from frames, one gateway by VRRP. Pure, as EVPN is."""
