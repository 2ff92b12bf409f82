"""Changes that want a hand: names made equal, times to live, keys, digits, orders of decisions.

(file, words of the original, what they become); the words are in the file once.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.mutants.mutant import Edit

LOG_EXPIRY = "redis.call('PEXPIREAT', key, digits(math.ceil((server_now + window) / 1000)))"
LIST_EXPIRY = "redis.call('PEXPIREAT', key, digits(math.ceil((now + window) / 1000)))"
BUCKET_EXPIRY = "redis.call('PEXPIREAT', key, digits(math.ceil((at + window) / 1000)))"
GCRA_EXPIRY = "redis.call('PEXPIREAT', key, digits(math.ceil((next_whole + 1) / 1000)))"
KEY = "local key = KEYS[1]"
SIXTEEN_DIGITS = "return string.format('%.0f', number)"

EVERY_SCRIPT: tuple[tuple[str, str], ...] = (
    (KEY, "local key = KEYS[1] .. ':log'"),
    (KEY, "local key = 'log'"),
    (KEY, "local key = string.lower(KEYS[1])"),
    (KEY, "local key = string.match(KEYS[1], '^[^:]*')"),
    (KEY, "local key = string.sub(KEYS[1], 1, 64)"),
    (SIXTEEN_DIGITS, "return tostring(number)"),
    (SIXTEEN_DIGITS, "return string.format('%d', number / 1000) .. '000'"),
)
SCRIPTS = ("lua_atomic.lua", "gcra.lua", "token_bucket.lua", "list_window.lua")

CHANGES: tuple[tuple[str, str, str], ...] = (
    # the unique member made equal, and what finds it again
    ("lua_atomic.lua", "digits(number) .. ':' .. nonce", "digits(number)"),
    ("lua_atomic.lua", "digits(number) .. ':' .. nonce", "digits(now)"),
    ("lua_atomic.lua", "digits(number) .. ':' .. nonce", "'0:' .. nonce"),
    ("lua_atomic.lua", "digits(number) .. ':' .. nonce", "nonce .. ':' .. digits(number)"),
    ("lua_atomic.lua", "local nonce = ARGV[5]", "local nonce = string.sub(ARGV[5], 1, 1)"),
    ("lua_atomic.lua", "local nonce = ARGV[5]", "local nonce = ''"),
    ("lua_atomic.lua", "'0:' .. nonce", "nonce"),
    ("lua_atomic.lua", "return {1, remaining, 0}", "return {0, remaining, window}"),
    ("lua_atomic.py", "self._now(), nonce()]", "self._now(), self._now()]"),
    ("lua_atomic.py", "self._now(), nonce()]", "self._now(), key]"),
    ("watch_multi.py", "        name = nonce()\n", '        name = "same"\n'),
    ("watch_multi.py", "        name = nonce()\n", "        name = key\n"),
    ("watch_multi.py", 'f"{number}:{name}"', 'f"0:{name}"'),
    ("watch_multi.py", "members = [", "members = [nonce()] + ["),
    # times to live
    ("lua_atomic.lua", LOG_EXPIRY, LOG_EXPIRY.replace("+ window", "+ window / 2")),
    ("lua_atomic.lua", LOG_EXPIRY, LOG_EXPIRY.replace("+ window", "+ window * 1000")),
    ("lua_atomic.lua", LOG_EXPIRY, "redis.call('PEXPIRE', key, digits(math.floor(window / 1000)))"),
    ("lua_atomic.lua", LOG_EXPIRY, "redis.call('PEXPIRE', key, digits(math.ceil(window / 1000)))"),
    (
        "lua_atomic.lua",
        LOG_EXPIRY,
        "redis.call('EXPIRE', key, digits(math.floor(window / 1000000)))",
    ),
    ("lua_atomic.lua", LOG_EXPIRY, "redis.call('EXPIRE', key, 1)"),
    ("list_window.lua", LIST_EXPIRY, LIST_EXPIRY.replace("+ window", "+ window / 2")),
    (
        "list_window.lua",
        LIST_EXPIRY,
        "redis.call('EXPIRE', key, digits(math.floor(window / 1000000)))",
    ),
    (
        "list_window.lua",
        LIST_EXPIRY,
        "redis.call('PEXPIRE', key, digits(math.floor(window / 1000)))",
    ),
    ("token_bucket.lua", BUCKET_EXPIRY, BUCKET_EXPIRY.replace("+ window", "+ window / 2")),
    (
        "token_bucket.lua",
        BUCKET_EXPIRY,
        "redis.call('EXPIRE', key, digits(math.floor(window / 1000000)))",
    ),
    ("gcra.lua", GCRA_EXPIRY, GCRA_EXPIRY.replace("next_whole", "now")),
    ("gcra.lua", GCRA_EXPIRY, GCRA_EXPIRY.replace("(next_whole + 1)", "((now + next_whole) / 2)")),
    (
        "gcra.lua",
        GCRA_EXPIRY,
        "redis.call('EXPIRE', key, digits(math.floor((next_whole - now) / 1000000)))",
    ),
    ("watch_multi.py", "(newest + self.window) // 1000))", "(newest + self.window // 2) // 1000))"),
    ("watch_multi.py", "-(-(newest + self.window) // 1000)", "(newest + self.window) // 1000"),
    ("fixed_window.py", 'key, 0, "PX", self.window, "NX")', 'key, 0, "PX", self.window)'),
    ("fixed_window.py", 'key, 0, "PX", self.window, "NX")', 'key, 0, "NX")'),
    ("fixed_window.py", '"PX", self.window, "NX")', '"PX", self.window // 2, "NX")'),
    ("fixed_window.py", '"PX", self.window, "NX")', '"EX", max(1, self.window // 1000), "NX")'),
    # one transaction made several commands, or the decision taken out of it
    ("fixed_window.py", "self.client.pipeline(transaction=True)\n        send(pipe, \"SET\"",
     "self.client.pipeline(transaction=False)\n        send(pipe, \"SET\""),
    ("watch_multi.py", "            except WatchError:\n                continue",
     "            except WatchError:\n                return Decision(True, 0)"),
    # a request that is sent again when its reply is lost
    ("gcra.py", "lua_script(sent_once(client)", "lua_script(client"),
    ("list_window.py", "lua_script(sent_once(client)", "lua_script(client"),
    ("token_bucket.py", "lua_script(sent_once(client)", "lua_script(client"),
    # the window's edges and units
    ("lua_atomic.lua", "'-inf', digits(now - window)", "'-inf', '(' .. digits(now - window)"),
    ("lua_atomic.lua", "#entries + 1] = digits(now)", "#entries + 1] = digits(now - now % 1000)"),
    ("lua_atomic.lua", "if count + cost > limit then", "if count + 1 > limit then"),
    ("lua_atomic.lua", "'ZADD', key, unpack", "'ZADD', key, 'NX', unpack"),
    ("lua_atomic.lua", "local window = tonumber(ARGV[2])",
     "local window = math.floor(tonumber(ARGV[2]) / 1000000) * 1000000"),
    ("lua_atomic.py", "window_microseconds(quota)", "int(quota.window) * 1_000_000"),
    ("lua_atomic.py", "whole_cost(cost)", "cost"),
    ("lua_atomic.py", "self._clock() * 1_000_000)", "self._clock()) * 1_000_000"),
    ("list_window.lua", "math.max(server_now, instant(0))", "server_now"),
    ("list_window.lua", "math.floor((count + beyond) / 2)", "count"),
    ("token_bucket.lua", "at = math.max(now, tonumber(stored[2]))", "at = now"),
    ("token_bucket.lua", "'level', digits(level), 'at', digits(at))",
     "'level', digits(level), 'at', digits(now))"),
    ("token_bucket.lua", "math.min(capacity, tonumber(stored[1])", "(tonumber(stored[1])"),
    ("token_bucket.py", "self._window // common, quota.limit // common",
     "self._window // quota.limit, 1"),
    ("gcra.py", "*divmod(taken, limit)]", "taken // limit, 0]"),
    ("gcra.py", "*divmod(taken, limit)]", "-(-taken // limit), 0]"),
    ("gcra.lua", "local whole, part = now, 0", "local whole, part = 0, 0"),
)  # fmt: skip


def edits(file: str, text: str) -> Iterator[Edit]:
    """Those of a file. Raises ValueError where the words are not in it exactly once."""
    common = [(file, *change) for change in EVERY_SCRIPT] if file in SCRIPTS else []
    for where, old, new in (*CHANGES, *common):
        if where == file:
            if text.count(old) != 1 and old != "'0:' .. nonce":
                raise ValueError(f"{file} has {text.count(old)} times {old!r}, not once")
            start = text.index(old)
            yield Edit("write", start, start + len(old), new)
