"""From signals to alerts that a named person owns: budget, states, incidents, owners. Pure: no clock, no I/O; time is an argument."""
