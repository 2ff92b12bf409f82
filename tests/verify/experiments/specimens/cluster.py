"""Keys in two slots, or undeclared; and some that are right."""

from __future__ import annotations

import time
from typing import ClassVar

import redis
import redis.asyncio

from limiters.contract import Clock, Decision, Quota
from limiters.lua_atomic import LuaAtomic
from tests.verify.experiments.specimens.base import Counter


class TwoSlots(Counter):
    """cluster: two keys of one script, both declared, in two slots."""

    script = """
        redis.call('SET', KEYS[2], 1, 'PX', ARGV[1])
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """

    def acquire(self, key: str) -> Decision:
        count = self.client.eval(self.script, 2, key, f"seen:{key}", self.window)
        return Decision(count <= self.limit)


class TwoSlotsTransaction(Counter):
    """cluster: one transaction over two slots."""

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=True)
        pipe.set(key, 0, px=self.window, nx=True)
        pipe.incr(key)
        pipe.set(f"seen:{key}", 1, px=self.window)
        _, count, _ = pipe.execute()
        return Decision(count <= self.limit)


class WaitsForItsTurn(Counter):
    """cluster: sleeps until it is admitted; never refuses. Its keys are in two slots as well."""

    def acquire(self, key: str) -> Decision:
        while not super().acquire(key).allowed:
            time.sleep(0.1)
        self.client.eval("return redis.call('GET', 'other')", 1, key)
        return Decision(True)


class ReadsUndeclared(Counter):
    """cluster: a script reads a key that it does not declare, in the same slot."""

    script = """
        local limit = redis.call('GET', '{' .. KEYS[1] .. '}:limit')
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """


class ReadsNearItsEnd(Counter):
    """cluster: a script reads a key that it does not declare, when its own is about to end."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1])
        elseif redis.call('PTTL', KEYS[1]) < 100 then redis.call('GET', 'other') end
        return count
    """


class ReadsTwoSlots(Counter):
    """cluster: one command reads two keys that nobody ever writes."""

    def acquire(self, key: str) -> Decision:
        self.client.exists("other", key)
        return super().acquire(key)


class ReadsAtTheThirdRefusal(Counter):
    """cluster: a script reads a key that it does not declare, after it has refused twice."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        if count == ARGV[2] + 3 then redis.pcall('GET', 'other') end
        return count
    """

    def acquire(self, key: str) -> Decision:
        count = self.client.eval(self.script, 1, key, self.window, self.limit)
        return Decision(count <= self.limit)


class ReadsWhenTooMuchIsAskedFor(LuaAtomic):
    """cluster: a script reads a key that it does not declare, when a cost is above the limit."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        if cost > self._limit:
            self._script.registered_client.eval("return redis.call('GET', 'other')", 1, key)
        return super().acquire(key, cost)


class ReadsInATransaction(ReadsUndeclared):
    """cluster: the same, in a transaction whose commands are sent one by one."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client.client(), quota, clock)  # type: ignore[no-untyped-call]

    def acquire(self, key: str) -> Decision:
        self.client.execute_command("MULTI")
        self.client.execute_command("EVAL", self.script, 1, key, self.window)
        (count,) = self.client.execute_command("EXEC")
        return Decision(count <= self.limit)


class LongTransaction(Counter):
    """Right on a cluster: a long script in a transaction, which redis-py sends in pieces."""

    note: ClassVar[str] = f"-- {'a library of helpers, inlined ' * 220}\n"

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=True)
        pipe.eval(f"{self.note} redis.call('SET', KEYS[1], 1, 'PX', 500)", 1, f"{{{key}}}:asked")
        pipe.eval(self.script, 1, f"{{{key}}}", self.window)
        _, count = pipe.execute()
        return Decision(count <= self.limit, max(0, self.limit - count))


class RejectedFirst(Counter):
    """Right on a cluster: what the server rejects, in a pipeline before what it does."""

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=False)
        pipe.execute_command("EVAL", "return 1")
        pipe.execute_command("EVAL", "return 1", "abc")
        pipe.eval("return redis.call('GET', KEYS[1])", 1, f"other:{key}")
        pipe.eval(self.script, 1, key, self.window)
        *_, count = pipe.execute(raise_on_error=False)
        return Decision(count <= self.limit)


class HashTagged(TwoSlots):
    """Right on a cluster: two keys in one slot, declared, whatever the client is called."""

    def acquire(self, key: str) -> Decision:
        tag = "{" + key.encode().hex() + "}"
        count = self.client.eval(self.script, 2, f"count:{tag}", f"seen:{tag}", self.window)
        return Decision(count <= self.limit)
