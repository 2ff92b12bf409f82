from limitproof.testing import Decision


class Mine:
    """At most `quota.limit` requests in each window, counted in one key."""

    def __init__(self, client, quota, clock):
        self.client, self.quota = client, quota

    def acquire(self, key):
        if int(self.client.get(key) or 0) >= self.quota.limit:
            return Decision(allowed=False)
        if self.client.incr(key) == 1:
            self.client.pexpire(key, self.quota.window_ms)
        return Decision(allowed=True)
