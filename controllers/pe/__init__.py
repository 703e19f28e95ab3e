"""What the decision cores of a PE have in common: events, outputs, promises, IP-VRFs."""
