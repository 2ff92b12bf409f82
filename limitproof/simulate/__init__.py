"""The deterministic world: clients of a real Redis that move only when the schedule says so."""
