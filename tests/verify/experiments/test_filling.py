"""A leak is told from what only fills up, however slowly, and however fast the machine is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest

from limiters.contract import Quota
from limiters.promise import TokenBucket
from limiters.registry import resolve
from limitproof.check.verdict import Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.stories import Story, Tale
from limitproof.verify.experiments.experiment import UNSURE
from limitproof.verify.experiments.memory import MEMORY
from limitproof.verify.laboratory import Laboratory, Subject
from limitproof.verify.player import MOST_SHOWN

HERE = "tests.verify.experiments.filling"
BOUNDED = [
    "CountsBySeconds", "LastHundred", "CountsTheDistinct", "CountsByTheHour", "LastClients",
    "LastHundredRequests", "LastThousandRequests", "EndOfOneString",
]  # fmt: skip


def laboratory(name: str, server: VirtualServer, limit: int, seconds: float = 600.0) -> Laboratory:
    return Laboratory(Subject(resolve(f"{HERE}:{name}"), Quota(limit, 1.0)), server, seconds)


@pytest.mark.parametrize(
    ("name", "limit"),
    [*((name, 4) for name in BOUNDED), ("CountsBySeconds", 1)],
)
def test_what_fills_up_is_no_leak(moving_server: VirtualServer, name: str, limit: int) -> None:
    result = MEMORY.examine(laboratory(name, moving_server, limit)).result
    assert result.verdict is Verdict.PASS, result.because


@pytest.mark.parametrize(
    ("name", "events", "why"),
    [
        ("EveryClient", 50, "it grows for good: from 2 to 9 entries"),
        ("EveryRefusedClient", 100, "it grows for good: from "),
        ("EachHundredth", 3 * 6 * 240 + 100, "it grows for good: from 4 to 10 entries"),
        ("OneString", 60, "it grows for good: from 2 to 2 entries"),
    ],
)
def test_a_leak_is(moving_server: VirtualServer, name: str, events: int, why: str) -> None:
    examined = MEMORY.examine(laboratory(name, moving_server, 4))
    assert examined.result.verdict is Verdict.FAIL
    assert why in examined.result.because
    assert isinstance(examined.story, Story)
    assert len(examined.story.events) <= events
    assert isinstance(examined.tale, Tale)
    assert len(examined.tale.happenings) == min(len(examined.story.events), MOST_SHOWN)


def test_a_leak_is_also_where_few_windows_are_many_requests(moving_server: VirtualServer) -> None:
    """Of a burst given by hand, which is asked at the very limit: it has no other."""
    target, quota = resolve(f"{HERE}:EachHundredthInHaste"), Quota(50, 1.0)
    subject = Subject(target, quota, TokenBucket(50.0, 75))
    result = MEMORY.examine(Laboratory(subject, moving_server, 600.0)).result
    assert result.verdict is Verdict.FAIL, result.because


@pytest.mark.parametrize("name", ["CountsTheDistinct", "CountsBySeconds", "EachHundredth"])
def test_a_story_that_is_cut_short_accuses_nobody(
    moving_server: VirtualServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Wherever it is cut: how far it comes hangs on the machine."""
    where, said = laboratory(name, moving_server, 4), set()
    for looks in (10, 20, 60):
        left = count(looks, -1)
        monkeypatch.setattr(Laboratory, "left", property(partial(_one_less, left)))
        result = MEMORY.examine(where).result
        assert result.verdict is not Verdict.FAIL, result.because
        said.add((result.verdict, UNSURE in result.because))
    assert said <= {(Verdict.PASS, False), (Verdict.UNKNOWN, True)}
    assert (name == "EachHundredth") == ((Verdict.UNKNOWN, True) not in said)


def _one_less(left: Iterator[int], _laboratory: Laboratory) -> int:
    return max(0, next(left))
