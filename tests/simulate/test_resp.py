"""The wire format: whole or not, and what a person sees of it."""

from __future__ import annotations

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limitproof.simulate.resp import end_of_reply, pack, parse, shown_command, shown_reply, unpack

REPLIES = (
    b"+OK\r\n", b"-ERR no\r\n", b":-12\r\n", b"$3\r\na\r\n\r\n", b"$0\r\n\r\n", b"$-1\r\n",
    b"*-1\r\n", b"*0\r\n", b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", b"_\r\n", b"#t\r\n", b",1.5\r\n",
    b"(99\r\n", b"%1\r\n+a\r\n:1\r\n", b"~1\r\n:1\r\n", b"=5\r\ntxt:a\r\n",
)  # fmt: skip


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_ends_where_it_ends_and_not_before(reply: bytes) -> None:
    assert end_of_reply(b"?" + reply + b"+more\r\n", 1) == 1 + len(reply)
    assert {end_of_reply(reply[:size], 0) for size in range(len(reply))} == {-1}


def test_what_is_no_reply_is_told() -> None:
    with pytest.raises(ValueError, match="not a reply"):
        end_of_reply(b"HTTP/1.1 400\r\n", 0)


@given(st.lists(st.lists(st.binary(max_size=9), min_size=1, max_size=4), min_size=1, max_size=4))
def test_commands_come_back_whole_or_not_at_all(commands: list[list[bytes]]) -> None:
    packet = b"".join(pack(*words) for words in commands)
    assert unpack(packet) == tuple(map(tuple, commands))
    assert packet == b"".join(hiredis.pack_command(tuple(words)) for words in commands)  # type: ignore[arg-type]
    last = len(pack(*commands[-1]))
    assert all(unpack(packet[:-cut]) is None for cut in range(1, last))


def test_a_person_sees_words() -> None:
    assert parse(b"+OK\r\n:1\r\n$-1\r\n") == [b"OK", 1, None]
    assert shown_reply([b"a", 1, None]) == "[a, 1, nil]"
    assert shown_reply(hiredis.ReplyError("ERR no")) == "error: ERR no"
    assert shown_command([b"set", b"k", b"x" * 99]) == f"SET k {'x' * 59}…"
    assert shown_command([b"EVALSHA", b"abcdef0123", b"1", b"k", b"9"]) == "<script abcdef> k"
    for number in (b"abc", b"-1", b"9" * 5000):
        assert shown_command([b"EVAL", b"return 1", number, b"k"]).startswith("<script return> ")
