"""Histories in columns: choose rows, put them together, take them apart by key and scenario."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limitproof.history.columns import COLUMN_TYPES, History, Key, Operations, StateSeries
from limitproof.history.outcome import Outcome
from tests.history.samples import META

KEYS = (Key("a/0", "a"), Key("b/0", "b"), Key("a/1", "a"), Key("never/used", "never"))


def history(operations: Operations) -> History:
    return History(META, operations, KEYS)


def numbered(invocations: list[int], start: int = 0) -> Operations:
    """Operations whose `client` tells the place in which they were given."""
    return Operations.of(invocations, client=np.arange(start, start + len(invocations)))


def test_what_is_not_given_has_its_default_and_every_column_its_type() -> None:
    operations = Operations.of([5, 3])
    assert operations.invocation.tolist() == [3, 5]
    assert operations.response.tolist() == operations.intended.tolist() == [3, 5]
    assert operations.cost.tolist() == [1, 1]
    assert operations.having(Outcome.ADMITTED).all()
    assert np.isnan(operations.remaining).all()
    assert np.isnan(operations.retry_after).all()
    assert {f.name: getattr(operations, f.name).dtype for f in fields(operations)} == {
        name: np.dtype(kind) for name, kind in COLUMN_TYPES.items()
    }


def test_a_column_that_does_not_exist_or_does_not_fit_is_refused() -> None:
    with pytest.raises(KeyError, match="colour"):
        Operations.of([1, 2], colour=[1, 2])
    with pytest.raises(ValueError, match="shape"):
        Operations.of([1, 2], key=[1, 2, 3])


@given(st.lists(st.integers(0, 5)))
def test_rows_stay_whole_when_sorted(invocations: list[int]) -> None:
    """By invocation; those of one instant stay in the order in which they were given."""
    operations = numbered(invocations)
    expected = sorted(enumerate(invocations), key=lambda pair: pair[1])
    assert operations.invocation.tolist() == [instant for _, instant in expected]
    assert operations.client.tolist() == [place for place, _ in expected]


@given(st.lists(st.lists(st.integers(0, 5), max_size=5), max_size=5))
def test_concatenate_keeps_every_row_in_order(parts: list[list[int]]) -> None:
    starts = [sum(map(len, parts[:n])) for n in range(len(parts))]
    joined = Operations.concatenate(
        [numbered(part, start) for part, start in zip(parts, starts, strict=True)]
    )
    together = numbered([instant for part in parts for instant in part])
    assert joined.client.tolist() == together.client.tolist()
    assert joined.invocation.tolist() == together.invocation.tolist()


def test_select_takes_a_mask_numbers_or_a_slice() -> None:
    operations = numbered([10, 20, 30, 40])
    mask = np.array([False, True, False, True])
    assert operations.select(mask).client.tolist() == [1, 3]
    assert operations.select(np.array([3, 0])).client.tolist() == [3, 0]
    assert operations.select(slice(1, 3)).invocation.tolist() == [20, 30]
    assert len(operations.select(slice(0, 0))) == 0


def test_what_was_dropped_was_not_sent() -> None:
    operations = Operations.of([1, 2, 3, 4, 5], outcome=list(Outcome))
    assert operations.sent.tolist() == [True, True, True, True, False]
    assert operations.having(Outcome.REJECTED).tolist() == [False, False, True, False, False]


@given(st.lists(st.sampled_from([0, 1, 2])))
def test_by_key_takes_a_history_apart(keys: list[int]) -> None:
    operations = Operations.of(np.arange(len(keys)), key=keys)
    parts = {key: part.invocation.tolist() for key, part in history(operations).by_key()}
    assert parts == {
        KEYS[number]: [at for at, key in enumerate(keys) if key == number] for number in set(keys)
    }


def test_of_scenario_keeps_its_keys_operations_and_the_whole_state() -> None:
    state = StateSeries(instants=np.array([1], np.int64))
    operations = Operations.of([1, 2, 3, 4], key=[0, 1, 2, 0])
    whole = History(META, operations, KEYS, state, ("an error",))
    assert whole.of_scenario("a").operations.invocation.tolist() == [1, 3, 4]
    assert whole.of_scenario("a", "b").operations.invocation.tolist() == [1, 2, 3, 4]
    assert len(whole.of_scenario().operations) == 0
    none = whole.of_scenario("never", "unheard of")
    assert len(none.operations) == 0
    assert (none.keys, none.state, none.errors, none.meta) == (KEYS, state, ("an error",), META)


def test_an_empty_history_has_no_keys_and_no_scenario() -> None:
    empty = History(META, Operations.of([]), ())
    assert list(empty.by_key()) == []
    assert len(empty.of_scenario("a").operations) == 0
