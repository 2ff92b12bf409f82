"""What the models find: in every registered limiter what it is known for, and no more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from limiters.contract import Decision, Quota
from limiters.promise import SlidingWindow, TokenBucket
from limiters.registry import KNOWN, Entry, resolve
from limitproof.check.tales.judges import JUDGES
from limitproof.check.verdict import Cause, Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.simulate.refusal import LocalStateError
from limitproof.stories import Story, Tale
from limitproof.verify.laboratory import Examined, Laboratory, Subject, shown
from limitproof.verify.machine import MODELLED, Campaign, examine_by_machine, quotas_of
from limitproof.verify.searches.rules import search
from limitproof.verify.searches.stage import Stage, Tally

AGES = 10_000.0  # seconds: what is tried is counted here, not timed
Open = Callable[..., Laboratory]
Campaigned = tuple[Mapping[str, Examined], list[Path]]
Once = Callable[[str], Campaigned]
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
SHORTENED = {target for target, _ in SHORTEST}


def worker(target: str, value: object = None) -> Any:
    """A parameter, the target unless another is given; all tests of a target on one worker."""
    group = pytest.mark.xdist_group(f"campaign {target}")
    return pytest.param(value or target, id=target, marks=group)


SEEN = [worker(one.name, one) for one in KNOWN if one.name != "in_process"]  # which asks no server


@pytest.fixture
def open_here(moving_server: VirtualServer) -> Open:
    """A laboratory for a target, on the worker's own server."""

    def laboratory(target: str, limit: int = 3, window: float = 1.0, **more: object) -> Laboratory:
        subject = Subject(resolve(target), Quota(limit, window), **more)  # type: ignore[arg-type]
        return Laboratory(subject, moving_server, AGES)

    return laboratory


@pytest.fixture(scope="module")
def campaigned(moving_server: VirtualServer, tmp_path_factory: pytest.TempPathFactory) -> Once:
    """What a whole campaign finds in a limiter with a name, and the files that it leaves.

    One for all tests of that limiter; its stories are shortened where their length is pinned.
    """

    @cache
    def once(name: str) -> Campaigned:
        subject = Subject(resolve(name), Quota(3, 1.0))
        here = tmp_path_factory.mktemp("campaign")
        with pytest.MonkeyPatch.context() as patched:
            patched.chdir(here)
            shortening = AGES if name in SHORTENED else 0.0
            found = examined(Laboratory(subject, moving_server, AGES), shortening=shortening)
        return found, list(here.iterdir())

    return once


def examined(
    laboratory: Laboratory, names: Collection[str] = MODELLED, *, shortening: float = 0.0
) -> dict[str, Examined]:
    campaign = Campaign(laboratory, names, examples=4, shortening=shortening)
    campaign.run()
    return campaign.results()


@pytest.mark.parametrize("known", SEEN)
def test_registered_limiters_fail_what_they_are_known_for(campaigned: Once, known: Entry) -> None:
    found, _ = campaigned(known.name)
    failed = {n: e.result.cause for n, e in found.items() if e.result.verdict is Verdict.FAIL}
    assert failed == {n: Cause(c) for n, c in known.fails.items() if n in MODELLED}
    for name, one in found.items():
        assert (one.story is not None) is (name in failed)
        if one.story is not None:
            assert isinstance(one.story, Story)
            assert isinstance(one.tale, Tale)
            assert JUDGES[name](one.tale, one.story) == one.result.because


@pytest.mark.parametrize("target", [worker("unlimited")])
def test_who_refuses_nothing_is_told_apart(campaigned: Once, target: str) -> None:
    found, _ = campaigned(target)
    assert found["false-rejection"].result.verdict is Verdict.UNKNOWN
    assert found["false-rejection"].result.because == "nothing was ever refused"
    assert found["remaining"].result.verdict is Verdict.NOT_TOLD


@pytest.mark.parametrize("target", [worker("lua_same_millisecond")])
def test_what_is_not_told_is_told_apart(campaigned: Once, target: str) -> None:
    found, _ = campaigned(target)
    assert found["retry-after"].result.because == "the limiter does not tell retry-after"
    assert found["weights"].result.because == "acquire takes no cost"


@pytest.mark.parametrize("target", [worker("lua_atomic")])
def test_a_right_one_passes_all(campaigned: Once, target: str) -> None:
    found, _ = campaigned(target)
    assert {one.result.verdict for one in found.values()} == {Verdict.PASS}
    assert "with requests that overlap" in found["overshoot"].result.because


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


@pytest.mark.parametrize("target", [worker(target) for target in sorted(SHORTENED)])
def test_stories_are_as_short_as_can_be(campaigned: Once, target: str) -> None:
    found, _ = campaigned(target)
    stories = {n: one.story for n, one in found.items() if (target, n) in SHORTEST}
    assert {n: length(story) for n, story in stories.items()} == {
        name: pinned for (of, name), pinned in SHORTEST.items() if of == target
    }


def length(story: object) -> tuple[int, int]:
    assert isinstance(story, Story)
    return len(story.events), sum(type(one).__name__ == "Ask" for one in story.events)


@pytest.mark.parametrize("target", [worker("get_set_json"), worker("add_then_count")])
def test_a_story_replays(campaigned: Once, open_here: Open, target: str) -> None:
    one = campaigned(target)[0]["overshoot"]
    assert isinstance(one.story, Story)
    story = Story.from_json(one.story.to_json())
    with open_here(target).world(granularity=story.granularity) as world:
        assert shown(world, story) == one.tale


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


@pytest.mark.parametrize("target", [worker("fixed_window")])
def test_hypothesis_leaves_nothing_behind(campaigned: Once, target: str) -> None:
    found, left = campaigned(target)
    assert found["overshoot"].result.measured["generated"]
    assert left == []


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
