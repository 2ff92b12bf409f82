"""The address of a Redis as a person writes it: `spawn`, `spawn:PROGRAM` or a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from limitproof.servers.errors import AddressError

SCHEMES = ("redis", "rediss", "unix")
FORMS = "write spawn, spawn:PROGRAM, redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH"
HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a server of our own: this program (a path, or a name on PATH), or the default one."""

    program: str | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """A server that somebody else runs. The URL may hold a password, so it is not in the repr."""

    url: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The URL as it may be shown."""
        return redact(self.url)


Address = Spawn | Remote


def parse(text: str) -> Address:
    """What an address says. Nothing is looked up or connected to.

    Raises AddressError when it is empty, or no address of ours.
    """
    text = text.strip()
    if not text:
        raise AddressError("the address of Redis is empty", FORMS)
    if text == "spawn":
        return Spawn()
    if text.startswith("spawn:"):
        program = text.removeprefix("spawn:").strip()
        if not program:
            raise AddressError("no program follows 'spawn:'", "write spawn:/path/to/redis-server")
        return Spawn(program)
    return _remote(text)


def redact(url: str) -> str:
    """The URL with everything that may be secret replaced by ***: user, password, secret options.

    Works on misspelt URLs too, and rather hides too much: a password may itself hold an @, a
    slash or a question mark that should have been written as %40, %2F or %3F.
    """
    scheme, separator, rest = url.rpartition("://") if "@" not in url else url.partition("://")
    if not separator:
        scheme, rest = "", url
    _, at, place = rest.rpartition("@")
    if at:
        rest = f"{HIDDEN}@{place}"
    else:  # redis://:PASSWORD with the host forgotten: what should be a port is not a number
        rest = re.sub(r"^([^/?#\[]*):(?!\d*(?:[/?#]|$)).*", rf"\1:{HIDDEN}", rest, flags=re.DOTALL)
    rest = re.sub(r"((?:password|username)=)[^&#]*", rf"\1{HIDDEN}", rest, flags=re.IGNORECASE)
    return f"{scheme}{separator}{rest}"


def _remote(text: str) -> Remote:
    shown = redact(text)
    try:
        parts = urlsplit(text)
        _ = parts.port  # computed late, and raises late
    except ValueError:
        # The reason is left out: urllib quotes a piece of the URL, which may be the password.
        raise AddressError(
            f"'{shown}' is no URL",
            "the port must be a number, and @ : / ? in a password are written %40 %3A %2F %3F",
        ) from None
    if parts.scheme not in SCHEMES or not text.lower().startswith(f"{parts.scheme}://"):
        raise AddressError(f"'{shown}' is no address of a Redis", FORMS)
    problem = _problem(parts)
    if problem:
        raise AddressError(f"'{shown}' {problem}", FORMS)
    return Remote(text)


def _problem(parts: SplitResult) -> str:
    """What redis-py would silently read as something else."""
    path = parts.path.strip("/")
    if parts.scheme == "unix":
        return "" if path else "names no socket"
    if path and not path.isdecimal():
        return "has a database that is no number"
    return ""
