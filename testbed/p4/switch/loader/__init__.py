"""bmv2 JSON -> `model`: checked, resolved, typed."""
