"""Real load: Locust users. The only place that imports locust."""
