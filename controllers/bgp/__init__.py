"""BGP without sockets: sessions, tables and policy as pure code. `controllers.runtime.bgp` runs it.

- `routes`: what the rest of the process sees.
- `session`: the session state machine, a function of state, event and time.
- `rib`, `best_path`: tables and path selection; `policy`: what may pass, and how it is changed.
- `membership`: RT constraint (RFC 4684); `export`: who is sent what, packed into UPDATE messages.
- `engine`: all of it behind one object that takes messages and returns messages.
"""
