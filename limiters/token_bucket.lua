-- Token bucket: a level and the instant at which it was that, in one atomic step.
--
-- KEYS[1]  hash: level, in units (a token is ARGV[3] of them), and at, microseconds since the epoch
-- ARGV[1]  window, whole microseconds: fills an empty bucket
-- ARGV[2]  capacity in units, below 2^53
-- ARGV[3]  units of a token
-- ARGV[4]  units that flow in each microsecond
-- ARGV[5]  cost in tokens, at least 1, all or nothing
-- returns  {1 if admitted or 0, level after that, microseconds that the bucket is ahead of TIME}
--
-- Invariants
-- 1. Nothing is rounded: units are chosen so that a token and what flows in a microsecond are both
--    whole. As a fraction of a token the level loses 1/3 + 1/3 + 1/3 < 1, and a request with it.
-- 2. 0 <= level <= capacity, so in any d microseconds no more is taken than a full bucket and what
--    flows in meanwhile.
-- 3. When the clock steps back, nothing flows until it is again where it was: with the older
--    instant stored, the same microseconds would flow in twice.
-- 4. The key dies a window after the last admission, no earlier: the bucket is full by then, as it
--    is without a key. The instant is computed from TIME (see lua_atomic.lua).
-- 5. A refused request writes nothing.
--
-- Units belong to a quota: a new quota needs new keys. A request that is sent again because its
-- reply was lost is debited again: a level cannot tell who came.

local key = KEYS[1]
local window = tonumber(ARGV[1])
local capacity = tonumber(ARGV[2])
local units = tonumber(ARGV[3]) * tonumber(ARGV[5])
local flow = tonumber(ARGV[4])

-- '..' keeps 14 of the 16 digits of microseconds.
local function digits(number)
  return string.format('%.0f', number)
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local level, at = capacity, now
local stored = redis.call('HMGET', key, 'level', 'at')
if stored[1] then
  at = math.max(now, tonumber(stored[2]))
  level = math.min(capacity, tonumber(stored[1]) + (at - tonumber(stored[2])) * flow)
end

if level < units then
  return {0, level, at - now}
end

level = level - units
redis.call('HSET', key, 'level', digits(level), 'at', digits(at))
redis.call('PEXPIREAT', key, digits(math.ceil((at + window) / 1000)))
return {1, level, at - now}
