"""Every deterministic check of one limiter, on the simulated world."""
