-- Sliding window log whose members are numbered by a counter in a side key.
--
-- KEYS[1]  sorted set of admitted requests, score in milliseconds since the epoch
-- ARGV[1]  now, the client's clock, milliseconds since the epoch
-- ARGV[2]  window, milliseconds
-- ARGV[3]  limit
-- returns  {count after the add, 1 if added or 0, instant of reset in milliseconds}
--
-- Broken invariants: every key must expire (KEYS[1]:seq never does: one immortal key for each
-- client that ever came), every key must be declared in KEYS (a cluster refuses the script or
-- looks on the wrong node), and keys must not meet (the client called "a:seq" finds a number
-- where its set should be).

local key = KEYS[1]
local now = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
local limit = tonumber(ARGV[3])

redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
local count = redis.call('ZCARD', key)
local added = 0
if count < limit then
  redis.call('ZADD', key, now, ARGV[1] .. ':' .. redis.call('INCR', key .. ':seq'))
  count = count + 1
  added = 1
end
redis.call('PEXPIRE', key, window)
local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
return {count, added, tonumber(oldest[2] or now) + window}
