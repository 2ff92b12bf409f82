"""Ways to come upon a story in which a promise is broken, and to shorten it."""
