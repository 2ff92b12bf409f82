"""docs/kill-matrix.md says what the registry says."""

from __future__ import annotations

import pytest

from benchmarks.kill_matrix import SYMBOLS, TABLE, UNTOLD
from limiters.registry import KNOWN, Entry
from limitproof.verify.units import named


def cells() -> dict[str, dict[str, str]]:
    """The table in docs/, by limiter and check."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if "|" in line]
    head, _, *rows = ([cell.strip(" *`") for cell in line.split("|")[1:-1]] for line in lines)
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_the_table_has_every_limiter_and_every_check() -> None:
    assert list(cells()) == [one.name for one in KNOWN]
    assert {tuple(row) for row in cells().values()} == {named()}


@pytest.mark.parametrize("known", KNOWN, ids=lambda one: one.name)
def test_each_cell_says_what_the_registry_says(known: Entry) -> None:
    untold = UNTOLD.get(known.name, (frozenset(), ""))[0]
    fails: dict[str, str] = {str(name): SYMBOLS[cause] for name, cause in known.fails.items()}
    for name, cell in cells()[known.name].items():
        if cell == "?":
            assert name in untold
        else:
            assert cell == fails[name] if name in fails else cell in "·–", name
