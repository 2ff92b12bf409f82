from limitproof.testing import Decision

TAKE = """
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then
  return 0
end
if redis.call('INCR', KEYS[1]) == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
"""


class Mine:
    """At most `quota.limit` requests in each window, counted in one key, by one script."""

    def __init__(self, client, quota, clock):
        self.take, self.quota = client.register_script(TAKE), quota

    def acquire(self, key):
        taken = self.take(keys=[key], args=[self.quota.limit, self.quota.window_ms])
        return Decision(allowed=taken == 1)
