"""Shows that every form of address is understood, a bad one is named in one line, and that no
password is ever shown."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limitproof.servers.address import Remote, Spawn, parse, redact
from limitproof.servers.errors import AddressError, ServerError

SECRETS = st.text(min_size=1, alphabet=st.characters(codec="utf-8"))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("spawn", Spawn()),
        (" spawn ", Spawn()),
        ("spawn:/opt/redis-server", Spawn("/opt/redis-server")),
        ("spawn:valkey-server", Spawn("valkey-server")),
        ("redis://", Remote("redis://")),
        ("redis://localhost:6379/2", Remote("redis://localhost:6379/2")),
        ("rediss://:pw@[::1]:6380", Remote("rediss://:pw@[::1]:6380")),
        ("unix:///run/redis.sock?db=1", Remote("unix:///run/redis.sock?db=1")),
    ],
)
def test_every_form_is_understood(text: str, meaning: Spawn | Remote) -> None:
    assert parse(text) == meaning


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "the address of Redis is empty; write spawn"),
        ("  ", "the address of Redis is empty; write spawn"),
        ("spawn:", "no program follows 'spawn:'; write spawn:/path/to/redis-server"),
        ("localhost:6379", "'localhost:6379' is no address of a Redis; write spawn"),
        ("http://localhost", "'http://localhost' is no address of a Redis; write spawn"),
        ("redis:localhost", "'redis:***' is no address of a Redis; write spawn"),
        ("spawned", "'spawned' is no address of a Redis; write spawn"),
        ("redis://localhost:port", "'redis://localhost:***' is no URL; the port must be a number"),
        ("redis://:a/b@host", "'redis://***@host' is no URL; the port must be a number"),
        ("redis://host/first", "'redis://host/first' has a database that is no number; write"),
        ("unix://", "'unix://' names no socket; write spawn"),
    ],
)
def test_a_bad_address_is_named_in_one_line(text: str, line: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://[::1]:6379", "redis://[::1]:6379"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("redis://user:secret@host/1", "redis://***@host/1"),
        ("redis://secret@host", "redis://***@host"),
        ("redis://host?password=secret&db=1", "redis://host?password=***&db=1"),
        ("rediss://host?ssl_password=secret", "rediss://host?ssl_password=***"),
        ("redis://:secret", "redis://:***"),
        ("redis:/:secret@host", "***@host"),
    ],
)
def test_redaction_keeps_what_is_no_secret(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(secret=SECRETS, user=st.sampled_from(["", "user"]))
@example("p@ss://w0rd/?#", "")
@example("two\nlines", "user")
def test_a_password_never_shows_however_it_is_written(secret: str, user: str) -> None:
    assert redact(f"redis://{user}:{secret}@host:6379/0") == "redis://***@host:6379/0"


def shown_by_parsing(url: str) -> str:
    try:
        return repr(parse(url))
    except AddressError as error:
        return f"{error} {error.__cause__}"


@given(secret=SECRETS.map(lambda text: f"<<{text}>>"))
def test_no_error_and_no_repr_shows_a_password(secret: str) -> None:
    assert secret not in shown_by_parsing(f"redis://:{secret}@host:6379/0")


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(AddressError("what\nit is", "what to do")))  # noqa: S301
    assert isinstance(error, ServerError)
    assert isinstance(error, ValueError)
    assert (str(error), error.advice) == ("what it is; what to do", "what to do")
