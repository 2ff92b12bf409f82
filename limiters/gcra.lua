-- Generic cell rate algorithm: one instant a key, the theoretical arrival time (TAT). It runs ahead
-- of the clock by the time that the admitted requests take at the quota's rate, at most one window.
--
-- KEYS[1]  string 'whole:part': the TAT, whole microseconds since the epoch and limit-ths of one
-- ARGV[1]  limit: how many parts one microsecond has
-- ARGV[2]  window, whole microseconds: how far the TAT may run ahead
-- ARGV[3]  whole microseconds that this call takes, cost * window / limit
-- ARGV[4]  parts that it takes besides, less than limit
-- returns  {1 if admitted or 0, whole microseconds, parts}: how far the TAT is ahead of now,
--          after the request when it is admitted
--
-- Invariants
-- 1. Nothing is rounded: 3 requests in 10 s take 3,333,333 microseconds and one third each. With
--    3,333,333 alone a request passes a microsecond early; with 3,333,334 one is lost in the end.
-- 2. TAT <= now + window after each admission, so in any d microseconds no more is admitted than
--    (window + d) * limit / window = limit + d * limit / window.
-- 3. The key dies when the TAT is past, when it says no more than no key: the instant is rounded
--    up to the millisecond, and PEXPIREAT counts from nothing that may be old.
-- 4. A refused request writes nothing.
--
-- A request that is sent again because its reply was lost is debited again: one instant cannot tell
-- who came.

local key = KEYS[1]
local limit = tonumber(ARGV[1])
local window = tonumber(ARGV[2])

-- '..' keeps 14 of the 16 digits of microseconds.
local function digits(number)
  return string.format('%.0f', number)
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local whole, part = now, 0
local stored = redis.call('GET', key)
if stored then
  local stored_whole, stored_part = string.match(stored, '^(%d+):(%d+)$')
  if tonumber(stored_whole) >= now then
    whole, part = tonumber(stored_whole), tonumber(stored_part)
  end
end

local next_whole = whole + tonumber(ARGV[3])
local next_part = part + tonumber(ARGV[4])
if next_part >= limit then
  next_whole = next_whole + 1
  next_part = next_part - limit
end

local ahead = next_whole - now
if ahead > window or (ahead == window and next_part > 0) then
  return {0, whole - now, part}
end

redis.call('SET', key, digits(next_whole) .. ':' .. digits(next_part))
redis.call('PEXPIREAT', key, digits(math.ceil((next_whole + 1) / 1000)))
return {1, ahead, next_part}
