-- Approximate sliding window: two counters, the older one weighed by how much of it is still in the
-- window, as if its requests had come evenly.
--
-- KEYS[1]  hash: start (of a window, microseconds since the epoch), current and previous (requests
--          admitted in that window and in the one before)
-- ARGV[1]  limit; limit * window is below 2^53
-- ARGV[2]  window, whole microseconds; windows begin at multiples of it
-- ARGV[3]  cost: requests that this call asks for, at least 1, all or nothing
-- returns  {1 if admitted or 0, current after that, previous, microseconds left of this window,
--          microseconds that it is ahead of TIME}
--
-- Invariants, with L = limit, W = window, and e the part of the current window that has gone
-- 1. current + previous * (W - e) / W <= L after each admission, compared in whole numbers.
-- 2. So in d microseconds no more is admitted than L + d * L / W. Let the last admission be at e of
--    its window. Windows that lie inside give L each at most. The last window and the one before
--    give together at most previous + L - previous * (W - e) / W = L + previous * e / W
--    <= L + L * e / W. With n windows begun before the last: n * L + L * e / W at most, and the
--    interval is longer than (n - 1) * W + e.
-- 3. It does not keep a sliding window: L at the end of one window and L - 1 at the end of the
--    next, less than W later, are 2 * L - 1 within W. And it may refuse where a sliding window
--    would not: L at the start of a window count in full when the next one begins.
-- 4. When the clock steps back into an earlier window, the start of the stored one counts as now.
-- 5. The key dies when the window after this one ends: current weighs nothing from then on.
-- 6. A refused request writes nothing.
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

local time = redis.call('TIME')
local server_now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local stored = redis.call('HMGET', key, 'start', 'current', 'previous')
local stored_start = tonumber(stored[1] or 0)
local now = math.max(server_now, stored_start)
local start = now - now % window

local current, previous = 0, 0
if stored_start == start then
  current, previous = tonumber(stored[2]), tonumber(stored[3])
elseif stored_start == start - window then
  previous = tonumber(stored[2])
end

local left = start + window - now
if (current + cost) * window + previous * left > limit * window then
  return {0, current, previous, left, now - server_now}
end

current = current + cost
redis.call('HSET', key, 'start', digits(start))
redis.call('HSET', key, 'current', digits(current), 'previous', digits(previous))
redis.call('PEXPIREAT', key, digits(math.ceil((start + 2 * window) / 1000)))
return {1, current, previous, left, now - server_now}
