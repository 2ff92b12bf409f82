"""What a whole run came to, as docs/mutants.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from tests.mutants.hunt import Fate, Found

DOCUMENT = Path(__file__).parents[2] / "docs" / "mutants.md"
HEAD = """# Small faults put into the correct limiters

Made by `make mutants`: each is one change of one place, given to the checks of `limitproof verify`
until the first fails. One that raises in every call is stillborn: it proves nothing.

"""
COLUMNS: tuple[Fate, ...] = ("killed", "equivalent", "stillborn")


def document(found: Sequence[Found], gaps: Collection[str]) -> str:
    """The whole file; gaps: the ids of the explained ones that no check is there for."""
    explained = sorted((one for one in found if one.fate == "equivalent"), key=_by_id)
    same = [one for one in explained if one.mutant.id not in gaps]
    within = [one for one in explained if one.mutant.id in gaps]
    return (
        HEAD
        + "| limiter | " + " | ".join(COLUMNS) + " |\n|---" + "|--:" * len(COLUMNS) + "|\n"
        + "".join(_rows(found))
        + "\nKilled by, the first check that failed: "
        + ", ".join(f"{name} {number}" for name, number in killers(found))
        + ".\n\n## Not killed, and they keep every promise\n\n"
        + "".join(map(_line, same))
        + "\n## Not killed: gaps of the checks, and what is within their tolerance\n\n"
        + "".join(map(_line, within))
    )  # fmt: skip


def killers(found: Iterable[Found]) -> list[tuple[str, int]]:
    """The checks and how many mutants each killed, the most first."""
    names = (check for one in found if one.fate == "killed" for check in one.why.split(", "))
    return sorted(Counter(names).items(), key=lambda one: (-one[1], one[0]))


def _rows(found: Sequence[Found]) -> Iterable[str]:
    limiters = sorted({one.mutant.limiter for one in found})
    for limiter in [*limiters, ""]:
        fates = Counter(one.fate for one in found if limiter in ("", one.mutant.limiter))
        name = f"`{limiter}`" if limiter else "all"
        yield f"| {name} | " + " | ".join(str(fates[fate]) for fate in COLUMNS) + " |\n"


def _line(one: Found) -> str:
    return f"- ``{one.mutant.id}``: {one.why}\n"


def _by_id(one: Found) -> str:
    return one.mutant.id
