"""From intents to table entries to P4Runtime writes; only here are the P4 programs' names known."""
