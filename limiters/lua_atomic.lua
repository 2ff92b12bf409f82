-- Sliding window log: decides on one request and records it, in one atomic step.
--
-- KEYS[1]  sorted set of the admitted requests of one client; the score is the instant of
--          admission in microseconds since the epoch
-- ARGV[1]  limit: most requests in any window
-- ARGV[2]  window, whole microseconds
-- ARGV[3]  cost: requests that this call asks for, at least 1, all or nothing
-- ARGV[4]  the caller's clock, microseconds since the epoch; '' to use the server's
-- ARGV[5]  nonce: names this request; drawn anew for each, kept when one is sent again
-- returns  {1 if admitted or 0, requests that remain, microseconds until a retry succeeds};
--          the wait is 0 when admitted and -1 when no waiting helps (cost > limit)
--
-- Invariants
-- 1. After pruning, the set holds exactly the admitted requests younger than the window, so
--    count + cost <= limit before the add keeps every window at the limit. An entry exactly one
--    window old is out: the window is half-open, (now - window, now].
-- 2. The members of a request are '0:<nonce>', '1:<nonce>' ... up to its cost. The number comes
--    first and holds no colon, so that two requests share a member only if they share the nonce:
--    with the nonce first, 'a:1' would be a member both of nonce 'a' and of nonce 'a:1'.
-- 3. A request is debited once, however often it arrives. When a reply is lost, redis-py sends the
--    same bytes again: '0:<nonce>' is then there, and the answer is what it was, admitted; what
--    remains is counted as of now. Entries of one request have one score and are pruned together.
--    A request that comes again after its entries have left the window is a new one: the old debit
--    and the new are at least a window apart, so no window holds both. A refused request leaves
--    nothing to be known by, and is judged anew.
-- 4. The key dies no earlier than its newest entry leaves the window. The time to live is told as
--    an instant computed from TIME: PEXPIRE counts from the millisecond that the server noted
--    when this script began, so a script held up for 2 ms before TIME would lose 2 ms.
-- 5. A refused request writes nothing but the pruning.

local key = KEYS[1]
local limit = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
local cost = tonumber(ARGV[3])
local nonce = ARGV[5]

-- Microseconds have 16 digits. A double is exact up to 2^53 (the year 2255), but tostring() and
-- '..' keep 14 digits: two requests within 100 us would get one score.
local function digits(number)
  return string.format('%.0f', number)
end

local time = redis.call('TIME')
local server_now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now = tonumber(ARGV[4]) or server_now

redis.call('ZREMRANGEBYSCORE', key, '-inf', digits(now - window))
local count = redis.call('ZCARD', key)
-- A key left by a larger quota may hold more than this limit.
local remaining = math.max(0, limit - count)

if redis.call('ZSCORE', key, '0:' .. nonce) then
  return {1, remaining, 0}
end

if cost > limit then
  return {0, remaining, -1}
end

if count + cost > limit then
  -- Room for `cost` is made when all but limit - cost entries have left: the last of these is
  -- the entry at this index, counted from the oldest.
  local index = count + cost - limit - 1
  local entry = redis.call('ZRANGE', key, digits(index), digits(index), 'WITHSCORES')
  return {0, remaining, tonumber(entry[2]) + window - now}
end

-- Lua's stack holds some 8,000 values: a large cost is added 1,000 members at a time.
for start = 0, cost - 1, 1000 do
  local entries = {}
  for number = start, math.min(start + 1000, cost) - 1 do
    entries[#entries + 1] = digits(now)
    entries[#entries + 1] = digits(number) .. ':' .. nonce
  end
  redis.call('ZADD', key, unpack(entries))
end
redis.call('PEXPIREAT', key, digits(math.ceil((server_now + window) / 1000)))
return {1, remaining - cost, 0}
