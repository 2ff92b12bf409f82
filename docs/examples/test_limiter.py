from limiter import Mine

from limitproof.testing import FixedWindow, LimiterContract


class TestMine(LimiterContract):
    promise = FixedWindow
    accept = ["lost-reply"]  # a lost reply debits twice: one request too few, until the window ends

    def make_limiter(self, client, quota, clock):
        return Mine(client, quota)
