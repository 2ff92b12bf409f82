from rate import Rate

from limitproof.testing import Decision, FixedWindow, LimiterContract


class Adapter:
    def __init__(self, rate):
        self.rate = rate

    def acquire(self, key):
        return Decision(allowed=self.rate.allow(key))


class TestRate(LimiterContract):
    promise = FixedWindow
    accept = ("lost-reply",)

    def make_limiter(self, client, quota, clock):
        if quota.window != int(quota.window):
            raise ValueError("Rate takes whole seconds")
        return Adapter(Rate(client, quota.limit, int(quota.window)))
