"""What is registered is complete and consistent, and every registered factory loads."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from limiters.entry import Cause, Check, failing
from limiters.registry import KNOWN, OTHERS, REGISTRY, Entry, TargetError, entry, resolve

FAMILIES = {"lua_atomic", "pipeline", "get_set_json", "fixed_window", "no_prune"}
SPECIMENS = {
    *("lua_conditional_client_clock", "lua_unconditional_add", "lua_same_millisecond"),
    *("lua_sequence_leak", "pipeline_no_cleanup", "pipeline_cleanup_steals", "add_then_count"),
    *("transaction_random_member", "fixed_window_refresh", "fixed_window_setex"),
    *("fixed_window_off_by_one", "fixed_window_crash", "no_prune_fractional_expire"),
    *("in_process", "unlimited"),
}
CHECKS = {name for group in get_args(Check) for name in get_args(group) or (group,)}
each = pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)


def test_every_family_and_specimen_is_there_once() -> None:
    assert [known.name for known in REGISTRY if known.kind == "option"] == [
        "lua_atomic_client_clock"
    ]
    assert {known.name for known in REGISTRY if known.kind == "family"} == FAMILIES
    assert {known.name for known in REGISTRY if known.kind == "specimen"} == SPECIMENS
    assert len(KNOWN) == len({known.name for known in KNOWN})
    assert len(KNOWN) == len({known.factory for known in KNOWN})


def test_the_seventeen_checks() -> None:
    assert len(CHECKS) == 17


@each
def test_an_entry_is_consistent(known: Entry) -> None:
    if known.kind == "family":
        assert known.family == known.name
    elif known.family is None:
        assert known in OTHERS or known.name in {"in_process", "unlimited"}
    else:
        assert known.family in FAMILIES
    assert set(known.fails) <= CHECKS
    assert set(known.fails.values()) <= set(get_args(Cause))
    if known not in OTHERS:
        assert known.reference.startswith("https://github.com/")
    for text in (known.written_by, known.summary, known.source):
        assert text.strip() == text
        assert "\n" not in text
        assert text


@each
def test_a_factory_is_named_after_its_entry(known: Entry) -> None:
    target = resolve(known.name)
    factory: Any = target.factory
    assert factory.__name__ == "".join(part.capitalize() for part in known.name.split("_"))
    assert (target.name, target.spec, target.entry) == (known.name, known.name, known)
    assert not target.is_async


@each
def test_what_fails(known: Entry) -> None:
    """Everything fails something but the one to recommend, and what is as exact in other ways."""
    right = ("lua_atomic", "watch_multi", "list_window", "gcra", "token_bucket")
    assert bool(known.fails) is (known.name not in right)
    if known.name == "lua_atomic_client_clock":
        assert known.fails == {"clock-skew": "fault"}


def test_the_simplest_cause_is_kept() -> None:
    told = failing(
        fault=("expiry", "crash"), race=("expiry", "overshoot"), algorithm=("overshoot",)
    )
    assert told == {"overshoot": "algorithm", "expiry": "race", "crash": "fault"}
    assert list(told) == ["overshoot", "expiry", "crash"]


def test_entry_finds_by_name() -> None:
    assert entry("no_prune").name == "no_prune"


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("lua_atomc", "did you mean lua_atomic? "),
        ("pipline", "did you mean pipeline? "),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_an_unknown_name(name: str, guess: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(name)
    assert str(caught.value) == (
        f"no limiter is named {name!r}; {guess}`limitproof list limiters` shows all, and your own "
        "is given as package.module:factory or path/to/file.py:factory"
    )
