"""EVPN: MACs and addresses by BGP. Pure: events in, outputs out, the clock passed in."""
