"""Planted faults, one for each thing that a directed experiment must find, and right ones."""
