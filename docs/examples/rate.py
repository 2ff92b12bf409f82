class Rate:
    """At most `limit` requests of a user in each window of so many whole seconds."""

    def __init__(self, redis, limit=100, seconds=60):
        self.redis, self.limit, self.seconds = redis, limit, seconds

    def allow(self, user):
        with self.redis.pipeline() as both:  # MULTI/EXEC
            both.set(f"rate:{user}", 0, ex=self.seconds, nx=True)
            both.incr(f"rate:{user}")
            return both.execute()[1] <= self.limit
