-- Sliding window log on the clock of each client.
--
-- KEYS[1]  sorted set of admitted requests, score in milliseconds since the epoch
-- ARGV[1]  now, the client's clock, milliseconds since the epoch
-- ARGV[2]  window, milliseconds
-- ARGV[3]  limit
-- ARGV[4]  what makes the member unique: pid-counter-random
-- returns  {count before the add, oldest score or 0, 1 if added or 0}
--
-- Broken invariant: all clients must agree on now. A client 50 ms ahead prunes entries that are
-- 50 ms too young and admits in their place; one 50 ms behind refuses 50 ms too long.

local key = KEYS[1]
local now = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
local limit = tonumber(ARGV[3])

redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
local count = redis.call('ZCARD', key)
local added = 0
if count < limit then
  redis.call('ZADD', key, now, ARGV[1] .. ':' .. ARGV[4])
  added = 1
end
local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
redis.call('PEXPIRE', key, window)
return {count, tonumber(oldest[2] or 0), added}
