"""Small changes of a Lua script, found by its words.

For scripts in the style of ours: one statement a line, blocks opened and closed on lines of their
own. A change that no longer compiles is left out by the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pygments.lexers import LuaLexer  # type: ignore[import-untyped]
from pygments.token import Comment, Literal, Name, Punctuation, String, Whitespace  # type: ignore[import-untyped]

from tests.mutants.mutant import Edit, neighbours

TURNED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "~=", "~=": "==", "+": "-", "-": "+"}
JOINED = {"and": "or", "or": "and"}
OPENING = {"if", "function", "do", "repeat", "(", "{", "["}
CLOSING = {"end", "until", ")", "}", "]"}
INSIDE = {"end", "else", "elseif", "until", "}", ")"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the script and where it begins; `kind` is Pygments'."""

    start: int
    kind: object
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Statement:
    """Whole lines of the script: its characters, how deep it stands, and whether it asks Redis."""

    start: int
    end: int
    depth: int
    asks: bool
    local: bool


def words(text: str) -> list[Word]:
    """The words of a script without comments and blanks."""
    found = []
    for start, kind, word in LuaLexer().get_tokens_unprocessed(text):
        if kind in Punctuation:  # several brackets may come as one
            found += [Word(start + place, kind, one) for place, one in enumerate(word)]
        elif kind not in Comment and kind not in Whitespace and word.strip():
            found.append(Word(start, kind, word))
    return found


def edits(text: str) -> Iterator[Edit]:
    """All changes: statements dropped and swapped, comparisons, signs, constants, joints."""
    for statement in (every := list(statements(text))):
        if not statement.local:
            yield Edit("drop", statement.start, statement.end, "")
    for first, second in pairwise(sorted(every, key=lambda one: (one.depth, one.start))):
        if first.asks and second.asks and _adjacent(text, first, second):
            swapped = text[second.start : second.end] + text[first.start : first.end]
            yield Edit("swap", first.start, second.end, swapped)
    yield from _changed_words(text)


def _changed_words(text: str) -> Iterator[Edit]:
    every = words(text)
    for number, word in enumerate(every):
        before = every[number - 1].text if number else ""
        if word.text in TURNED and word.kind not in String and before not in ("=", "(", ","):
            yield Edit("change", word.start, word.end, TURNED[word.text])
        elif word.text in JOINED:
            yield Edit("change", word.start, word.end, JOINED[word.text])
        elif word.kind in Literal.Number and before != "[":
            for other in neighbours(int(word.text)):
                yield Edit("change", word.start, word.end, str(other))
        elif word.kind in Name and word.text in ("max", "min", "ceil", "floor"):
            others = {"max": "min", "min": "max", "ceil": "floor", "floor": "ceil"}
            yield Edit("change", word.start, word.end, others[word.text])


def statements(text: str) -> Iterator[Statement]:
    """Every statement, also inside blocks: the fewest whole lines that close what they open."""
    every = words(text)
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    on_line: list[list[Word]] = [[] for _ in lines]
    number = 0
    for word in every:
        while starts[number + 1] <= word.start:
            number += 1
        on_line[number].append(word)

    outer = 0
    for first, here in enumerate(on_line):
        if here and here[0].text not in INSIDE:
            depth = 0
            for last in range(first, len(lines)):
                depth += sum(map(_opens, on_line[last]))
                if depth == 0:
                    break
            inside = [word.text for row in on_line[first : last + 1] for word in row]
            asks = "redis" in inside and inside[:2] != ["local", "function"]
            yield Statement(starts[first], starts[last + 1], outer, asks, inside[0] == "local")
        outer += sum(map(_opens, here))


def _opens(word: Word) -> int:
    if word.kind in String:
        return 0
    return (word.text in OPENING) - (word.text in CLOSING)


def _adjacent(text: str, first: Statement, second: Statement) -> bool:
    return first.end <= second.start and not words(text[first.end : second.start])
