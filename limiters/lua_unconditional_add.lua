-- Sliding window log that records every request, then counts.
--
-- KEYS[1]  sorted set of all requests, score in milliseconds since the epoch
-- ARGV[1]  now, the client's clock, milliseconds since the epoch; also the member
-- ARGV[2]  window, milliseconds
-- returns  {count with this request, oldest score}
--
-- Broken invariants: the set must hold admitted requests only (a refused one counts against the
-- next window), and one request must be one member (two in one millisecond count as one).

local key = KEYS[1]
local now = tonumber(ARGV[1])
local window = tonumber(ARGV[2])

redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
redis.call('ZADD', key, now, ARGV[1])
local count = redis.call('ZCARD', key)
local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
redis.call('PEXPIRE', key, window)
return {count, tonumber(oldest[2])}
