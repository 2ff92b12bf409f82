"""Which orders to play: every state, a run for each order that matters, or runs at random."""
