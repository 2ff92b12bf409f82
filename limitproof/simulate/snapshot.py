"""All keys of the server at once: read in one round trip, and put back in another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from limitproof.simulate.resp import pack, parse, shown_text

# In its last millisecond a field is there for HGETALL, and gone for HPEXPIRETIME (-2): it ends now.
CAPTURE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local keys = redis.call('KEYS', '*')
table.sort(keys)
local found = {}
for _, key in ipairs(keys) do
  local kind = redis.call('TYPE', key).ok
  local content
  if kind == 'string' then content = {redis.call('GET', key)}
  elseif kind == 'zset' then content = redis.call('ZRANGE', key, '0', '-1', 'WITHSCORES')
  elseif kind == 'list' then content = redis.call('LRANGE', key, '0', '-1')
  elseif kind == 'hash' then content = redis.call('HGETALL', key)
  elseif kind == 'set' then content = redis.call('SORT', key, 'ALPHA')
  else content = {redis.call('DUMP', key)} end
  local fields = {}
  if kind == 'hash' then
    local names = {}
    for place = 1, #content, 2 do names[#names + 1] = content[place] end
    local told = redis.pcall('HPEXPIRETIME', key, 'FIELDS', #names, unpack(names))
    for place = 1, told.err and 0 or #told do
      if told[place] ~= -1 then
        fields[#fields + 1] = names[place]
        fields[#fields + 1] = told[place] >= 0 and told[place] or now
      end
    end
  end
  found[#found + 1] = {
    key, kind, redis.call('PEXPIRETIME', key), redis.call('DUMP', key), content, fields
  }
end
return found
"""
# Not FLUSHDB: Redis 8 hands that to another thread, which costs time, and see servers/virtual.py.
EMPTY_ALL = """
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('DEL', key) end
return redis.status_reply('OK')
"""
LOAD = pack("SCRIPT", "LOAD", CAPTURE) + pack("SCRIPT", "LOAD", EMPTY_ALL)
ASK = pack("EVALSHA", hashlib.sha1(CAPTURE.encode()).hexdigest(), 0)  # noqa: S324 - its name
CLEAR = pack("EVALSHA", hashlib.sha1(EMPTY_ALL.encode()).hexdigest(), 0)  # noqa: S324 - its name
OK = b"+OK\r\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: its kind, when it ends (ms since the epoch, -1 never), its DUMP, its elements.

    fields: of a hash (Redis 7.4), those that end by themselves, each with when.
    """

    name: bytes
    kind: str
    ends: int
    dump: bytes
    content: tuple[bytes, ...]
    fields: tuple[tuple[bytes, int], ...] = ()

    @property
    def every_end(self) -> tuple[int, ...]:
        """When the key ends, and each of its fields."""
        return (self.ends, *(end for _, end in self.fields))

    @property
    def digest(self) -> str:
        """A short hash of its elements."""
        return hashlib.blake2b(repr(self.content).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """The keys, told by the server's own reply to `ASK`: equal replies are equal states."""

    raw: bytes

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        (found,) = parse(self.raw)
        if isinstance(found, Exception):
            raise ValueError(f"the state of the keys cannot be read: {found}")
        return tuple(
            Entry(
                name,
                kind.decode(),
                ends,
                dump,
                tuple(map(_as_bytes, content)),
                tuple(zip(fields[::2], fields[1::2], strict=True)),
            )
            for name, kind, ends, dump, content, fields in found
        )

    @cached_property
    def restore(self) -> bytes:
        """The packet that empties the server and puts these keys back: each reply is `OK`."""
        return CLEAR + b"".join(
            pack("RESTORE", entry.name, max(entry.ends, 0), entry.dump, "ABSTTL")
            for entry in self.entries
        )

    @cached_property
    def restored(self) -> bytes:
        """What the server answers to `restore`."""
        return OK * (1 + len(self.entries))

    def gone(self, later: Snapshot) -> tuple[str, ...]:
        """The names of the keys that are not there later."""
        left = {entry.name for entry in later.entries}
        return tuple(shown_text(one.name) for one in self.entries if one.name not in left)

    def shown(self, now: int) -> str:
        """For a person; `now` in ms since the epoch."""
        return "  ".join(_shown(entry, now) for entry in self.entries) or "(no key)"


EMPTY = Snapshot(b"*0\r\n")


def _as_bytes(element: bytes | None) -> bytes:
    return b"" if element is None else element


def _shown(entry: Entry, now: int) -> str:
    texts = [shown_text(element) for element in entry.content]
    if entry.kind == "zset":
        texts = texts[::2]  # the members; the scores are in most of them
    if entry.kind == "hash":
        texts = [f"{a}={b}" for a, b in zip(texts[::2], texts[1::2], strict=True)]
    value = texts[0] if entry.kind == "string" else "{" + ", ".join(texts) + "}"
    rest = "" if entry.ends < 0 else f" ({entry.ends - now} ms)"
    return f"{shown_text(entry.name)} = {value}{rest}"
