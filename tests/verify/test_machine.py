"""What the models find: in every registered limiter what it is known for, and no more."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from limiters.contract import Decision, Quota
from limiters.promise import SlidingWindow, TokenBucket
from limiters.registry import KNOWN, Entry, resolve
from limitproof.check.tales.judges import JUDGES
from limitproof.check.verdict import Cause, Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.simulate.refusal import LocalStateError
from limitproof.stories import Ask, Story, Tale
from limitproof.verify.laboratory import Examined, Laboratory, Subject, shown
from limitproof.verify.machine import MODELLED, Campaign, examine_by_machine, quotas_of
from limitproof.verify.searches.rules import search
from limitproof.verify.searches.stage import Stage, Tally

AGES = 10_000.0  # seconds: what is tried is counted here, not timed
Open = Callable[..., Laboratory]
SHORTEST = {
    # target, check: events, requests among them
    ("pipeline", "overshoot"): (10, 4),
    ("pipeline", "false-rejection"): (17, 7),
    ("get_set_json", "overshoot"): (9, 4),
    ("get_set_json", "remaining"): (5, 2),
    ("fixed_window_off_by_one", "false-rejection"): (6, 3),
    ("no_prune", "contamination"): (31, 13),
    ("lua_same_millisecond", "overshoot"): (8, 4),
    ("unlimited", "weights"): (1, 1),
}


SAID = {
    "unlimited": {
        "false-rejection": (Verdict.UNKNOWN, "nothing was ever refused"),
        "remaining": (Verdict.NOT_TOLD, "the limiter does not tell remaining"),
    },
    "lua_same_millisecond": {
        "retry-after": (Verdict.NOT_TOLD, "the limiter does not tell retry-after"),
        "weights": (Verdict.NOT_TOLD, "acquire takes no cost"),
    },
}
"""What is no fail is told apart."""
SEEN = [one for one in KNOWN if one.name != "in_process"]  # which asks no server


@pytest.fixture
def open_here(moving_server: VirtualServer) -> Open:
    """A laboratory for a target, on the worker's own server."""

    def laboratory(target: str, limit: int = 3, window: float = 1.0, **more: object) -> Laboratory:
        subject = Subject(resolve(target), Quota(limit, window), **more)  # type: ignore[arg-type]
        return Laboratory(subject, moving_server, AGES)

    return laboratory


def examined(
    laboratory: Laboratory, names: Collection[str] = MODELLED, *, shortening: float = 0.0
) -> dict[str, Examined]:
    campaign = Campaign(laboratory, names, examples=4, shortening=shortening)
    campaign.run()
    return campaign.results()


@pytest.mark.parametrize("known", SEEN, ids=lambda one: one.name)
def test_registered_limiters_fail_what_they_are_known_for(
    open_here: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Entry
) -> None:
    """One campaign tells all of a limiter; its stories are shortened where that is looked at."""
    monkeypatch.chdir(tmp_path)
    laboratory = open_here(known.name)
    shortening = AGES if any(target == known.name for target, _ in SHORTEST) else 0.0
    found = examined(laboratory, shortening=shortening)
    failed = {n: e.result.cause for n, e in found.items() if e.result.verdict is Verdict.FAIL}
    assert failed == {n: Cause(c) for n, c in known.fails.items() if n in MODELLED}
    for name, one in found.items():
        assert (one.story is not None) is (name in failed)
        if one.story is not None:
            assert isinstance(one.story, Story)
            assert isinstance(one.tale, Tale)
            assert JUDGES[name](one.tale, one.story) == one.result.because
            assert length(one.story) == SHORTEST.get((known.name, name), length(one.story))
    for name, said in SAID.get(known.name, {}).items():
        assert (found[name].result.verdict, found[name].result.because) == said
    assert list(tmp_path.iterdir()) == []  # Hypothesis leaves nothing behind
    if "overshoot" in failed:
        it_replays(laboratory, found["overshoot"])
    if known.name == "lua_atomic":
        assert {one.result.verdict for one in found.values()} == {Verdict.PASS}
        assert "with requests that overlap" in found["overshoot"].result.because


def it_replays(laboratory: Laboratory, one: Examined) -> None:
    assert isinstance(one.story, Story)
    story = Story.from_json(one.story.to_json())
    quota = Quota(story.limit, story.window)
    with laboratory.world(quota=quota, granularity=story.granularity) as world:
        assert shown(world, story) == one.tale


def length(story: Story) -> tuple[int, int]:
    return len(story.events), sum(isinstance(one, Ask) for one in story.events)


def test_all_whose_stories_are_as_short_as_can_be_are_looked_at() -> None:
    fails = {(one.name, name) for one in SEEN for name in one.fails}
    assert SHORTEST.keys() <= fails
    assert SAID.keys() <= {one.name for one in SEEN}


def test_who_keeps_all_to_itself_is_not_simulated(open_here: Open) -> None:
    with pytest.raises(LocalStateError):
        examined(open_here("in_process"))


class Raises:
    """Is never asked to the end."""

    def __init__(self, *_: object) -> None: ...

    def acquire(self, key: str) -> Decision:
        raise RuntimeError(key)


def test_nothing_decided_is_no_pass(open_here: Open) -> None:
    found = examined(open_here("tests.verify.test_machine:Raises"))
    assert {name for name, one in found.items() if one.result.verdict is Verdict.PASS} == set()
    assert found["overshoot"].result.because == "no request was ever decided"


def test_too_little_time_is_no_pass(open_here: Open) -> None:
    laboratory = open_here("lua_atomic")
    laboratory.allow(0.0)
    found = examine_by_machine(laboratory, ["overshoot"])
    assert found["overshoot"].result.verdict is Verdict.UNKNOWN
    assert "no request was ever decided" in found["overshoot"].result.because


@pytest.mark.parametrize(
    ("target", "level", "check"),
    [
        ("lua_same_millisecond", Cause.ALGORITHM, "overshoot"),
        ("get_set_json", Cause.RACE, "remaining"),
    ],
)
def test_the_state_machine_finds_it_alone_and_the_same_twice(
    open_here: Open, target: str, level: Cause, check: str
) -> None:
    def found() -> tuple[object, ...]:
        laboratory, tally = open_here(target), Tally()
        with laboratory.world() as world:
            stage = Stage(laboratory, world, laboratory.quota, "packet", {check}, tally)
            search(stage, level, examples=10, seconds=AGES, takes_cost=False, number=3)
            return stage.found[check], tally.counts

    assert found() == found()


def test_correct_limiters_pass_what_a_fault_does(open_here: Open) -> None:
    """Clients die and replies are lost: a nonce that is drawn anew is no request sent again."""
    laboratory, tally = open_here("lua_atomic"), Tally()
    with laboratory.world() as world:
        stage = Stage(laboratory, world, laboratory.quota, "packet", set(JUDGES), tally)
        search(stage, Cause.FAULT, examples=40, seconds=AGES, takes_cost=True, number=1)
        assert stage.found == {}
    assert tally.counts["refused"] > 50


def test_a_large_limit_is_examined_small(open_here: Open) -> None:
    assert [q.limit for q in quotas_of(open_here("lua_atomic", 100))] == [5, 3, 3]
    by_hand = open_here("lua_atomic", 100, promise=SlidingWindow(100, 1.0))
    assert [q.limit for q in quotas_of(by_hand)] == [5, 3, 3]
    assert by_hand.promise_at(Quota(5, 1.0)) == SlidingWindow(5, 1.0)
    of_its_own = open_here("lua_atomic", 100, promise=TokenBucket(3.0, 7.0))
    assert quotas_of(of_its_own) == [Quota(100, 1.0)]


def test_a_promise_given_by_hand_is_what_it_is_judged_by(open_here: Open) -> None:
    """Two in a window's last moment and two in the next one's first: no sliding window."""
    for target in ("fixed_window", "two_bucket"):
        found = examined(open_here(target, 5, promise=SlidingWindow(5, 1.0)), ["overshoot"])
        assert found["overshoot"].result.cause is Cause.ALGORITHM


def test_no_time_for_all_is_no_pass(open_here: Open) -> None:
    laboratory = open_here("get_set_json", 100, promise=TokenBucket(100.0, 100.5))
    laboratory.allow(0.2)
    found = examine_by_machine(laboratory, ["overshoot"])
    assert found["overshoot"].result.verdict is Verdict.UNKNOWN


WHOLE = """
from limiters.lua_atomic import LuaAtomic

class Whole(LuaAtomic):
    def __init__(self, client, quota, clock):
        if quota.window != int(quota.window):
            raise ValueError("whole seconds only")
        super().__init__(client, quota, clock)
"""


def test_a_quota_that_is_not_served_is_told_and_left_out(open_here: Open, tmp_path: Path) -> None:
    (tmp_path / "whole.py").write_text(WHOLE)
    told = examined(open_here(f"{tmp_path / 'whole.py'}:Whole"))
    assert {one.result.verdict for one in told.values()} == {Verdict.PASS}
    assert "not asked with 3 per 1.387 s: it cannot be made" in told["overshoot"].result.because
