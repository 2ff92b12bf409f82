"""How fast the suite is, and what measuring says about the published claims."""
