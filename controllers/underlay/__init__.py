"""The MPLS WAN below the services: link-state database, SPF, segment labels, tunnels."""
