-- Sliding window log whose member is the clock itself.
--
-- KEYS[1]  sorted set of all requests, score in milliseconds since the epoch
-- ARGV[1]  now, the client's clock, milliseconds since the epoch; also the member
-- ARGV[2]  window, milliseconds
-- returns  the count with this request
--
-- Broken invariant: one request must be one member. Any number of requests in one millisecond
-- count as one and are all admitted. Atomic, so no race is needed. Refused requests stay as well.

local key = KEYS[1]
local now = tonumber(ARGV[1])
local window = tonumber(ARGV[2])

redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
-- The first count is not used; the original takes it and forgets it.
redis.call('ZCARD', key)
redis.call('ZADD', key, now, now)
redis.call('PEXPIRE', key, window)
return redis.call('ZCARD', key)
