-- Moving window on a list: the limit-th newest admission decides, in one atomic step.
--
-- KEYS[1]  list of the admitted requests of one client, the newest first: instants in microseconds
--          since the epoch
-- ARGV[1]  limit: most requests in any window, and the most that the list holds
-- ARGV[2]  window, whole microseconds
-- ARGV[3]  cost: requests that this call asks for, at least 1, all or nothing
-- returns  {1 if admitted or 0, requests that remain, microseconds until a retry succeeds};
--          the wait is 0 when admitted and -1 when no waiting helps (cost > limit)
--
-- Invariants
-- 1. Instants never increase along the list. When the clock steps back, the newest instant counts
--    as now: an instant out of order would hide older ones from the search below.
-- 2. When `cost` come along, limit - cost may be younger than the window. So the one at index
--    limit - cost, counted from 0, decides: it must have left, or not be there.
-- 3. An older one than the newest `limit` can decide nothing, and is cut off.
-- 4. The key dies no earlier than its newest entry leaves the window; the instant is computed from
--    TIME (see lua_atomic.lua).
-- 5. A refused request writes nothing. Entries that have left stay until newer ones push them out.
--
-- A request that is sent again because its reply was lost is debited again.

local key = KEYS[1]
local limit = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
local cost = tonumber(ARGV[3])

-- '..' keeps 14 of the 16 digits of microseconds.
local function digits(number)
  return string.format('%.0f', number)
end

local function instant(index)
  return tonumber(redis.call('LINDEX', key, digits(index)) or 0)
end

local time = redis.call('TIME')
local server_now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now = math.max(server_now, instant(0))
local edge = now - window

-- How many are younger than the window: the first index that is not, found by halving.
local count, beyond = 0, math.min(limit, redis.call('LLEN', key))
while count < beyond do
  local middle = math.floor((count + beyond) / 2)
  if instant(middle) > edge then
    count = middle + 1
  else
    beyond = middle
  end
end

if cost > limit then
  return {0, limit - count, -1}
end

local deciding = instant(limit - cost)
if deciding > edge then
  return {0, limit - count, deciding + window - server_now}
end

-- Lua's stack holds some 8,000 values: a large cost is added 1,000 entries at a time.
for start = 1, cost, 1000 do
  local entries = {}
  for number = start, math.min(start + 999, cost) do
    entries[#entries + 1] = digits(now)
  end
  redis.call('LPUSH', key, unpack(entries))
end
redis.call('LTRIM', key, 0, digits(limit - 1))
redis.call('PEXPIREAT', key, digits(math.ceil((now + window) / 1000)))
return {1, limit - count - cost, 0}
