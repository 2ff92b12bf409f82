from limiter import Mine

from limitproof.testing import FixedWindow, LimiterContract


class TestMine(LimiterContract):
    promise = FixedWindow
    accept = ("lost-reply",)  # a lost reply debits twice: one request too few in that window

    def make_limiter(self, client, quota, clock):
        return Mine(client, quota, clock)
