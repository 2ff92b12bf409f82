"""limitproof finds out whether a Redis-backed rate limiter keeps its promise."""

__version__ = "0.1.0"
