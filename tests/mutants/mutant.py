"""A mutant: a correct limiter with one small change, and how it becomes a TARGET of its own."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from limiters import base
from limiters.registry import entry

HOME = Path(base.__file__).parent


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a text: the characters from `start` to `end` become `new`.

    what: how the change is made, such as "drop" or "swap".
    """

    what: str
    start: int
    end: int
    new: str

    def apply(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]

    def shown(self, text: str) -> str:
        """The change in one line: for a small one with the rest of its lines."""
        old = text[self.start : self.end]
        first = text.rfind("\n", 0, self.start) + 1
        last = text.find("\n", self.end)
        if "\n" in old or not self.new:
            changed = self.new
        else:
            old = text[first:last]
            changed = text[first : self.start] + self.new + text[self.end : last]
        if not changed.strip():
            return f"{self.what} {_line(old)}"
        return f"{self.what} {_line(old)} » {_line(changed)}"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed limiter.

    id: stable and readable: the file and the change. limiter: the registered name of what was
    changed. file: the file that was changed, beside limiters/base.py. text: that file, changed.
    """

    id: str
    limiter: str
    file: str
    text: str

    @property
    def original(self) -> str:
        return source(self.file)

    @property
    def diff(self) -> str:
        """The change as `diff -u` shows it."""
        before, after = self.original.splitlines(), self.text.splitlines()
        lines = difflib.unified_diff(before, after, self.file, "mutant", n=1, lineterm="")
        return "\n".join(lines)

    @property
    def line(self) -> int:
        """The first line that differs, counted from 1."""
        before, after = self.original.splitlines(), self.text.splitlines()
        pairs = enumerate(zip(before, after, strict=False), 1)
        return next((number for number, (old, new) in pairs if old != new), len(after))

    def write(self, folder: Path, name: str) -> str:
        """Write it as `name`.py (and .lua) into a folder; the TARGET that loads it from there."""
        module, _, factory = entry(self.limiter).factory.partition(":")
        path = folder / f"{name}.py"
        if self.file.endswith(".lua"):
            path.with_suffix(".lua").write_text(self.text, encoding="utf-8")
            text = (
                f"from pathlib import Path\n\nfrom {module} import {factory}\n\n\n"
                f"class factory({factory}):\n"
                '    script = str(Path(__file__).with_suffix(".lua"))\n'
            )
        else:
            text = f"{self.text}\n\nfactory = {factory}\n"
        path.write_text(f"# {self.id}\n{text}LIMITER = {self.limiter!r}\n", encoding="utf-8")
        return f"{path}:factory"


def neighbours(number: int) -> list[int]:
    """What a constant becomes: one more, one less, and 0 where that is near."""
    others = {number + 1, number - 1} | ({0} if abs(number) < 100 else set())
    return sorted(others - {number})


def source(file: str) -> str:
    """The text of a file beside limiters/base.py."""
    return (HOME / file).read_text(encoding="utf-8")


def _line(text: str) -> str:
    """The first line of a text, and a sign that there are more."""
    first, *more = text.strip().splitlines()
    return f"{first.strip()} …" if more else first.strip()
