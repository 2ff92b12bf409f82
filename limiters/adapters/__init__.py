"""Published rate limiters, unmodified, behind our contract: one file a package."""
