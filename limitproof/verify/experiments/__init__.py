"""Directed experiments: stories thought out beforehand, one file a check."""
