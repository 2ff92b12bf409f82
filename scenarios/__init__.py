"""What is done to a limiter: one declarative scenario a file, usable by every engine."""
