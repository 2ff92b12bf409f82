"""One run for each order of dependent steps: as few as there are, and none is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.check.instants import asked_of, overshoot_for_certain, refused_in_vain
from limitproof.schedules import Granularity, switches
from limitproof.simulate.cast import Cast
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.search.causality import Causality, Event, form
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.coverage import Coverage, Progress, StoppedError, sorted_answers
from limitproof.simulate.search.dependency import Dependency, Effect
from limitproof.simulate.search.dpor import Dpor
from limitproof.simulate.trace import Choose, Trace, follow
from limitproof.simulate.world import World
from tests.simulate.casts import OpenWorld, cast, silent
from tests.simulate.enumerate import following


def searched(
    world_of: OpenWorld, chosen: Cast, seconds: float = 60.0, *, alike: bool = True
) -> Coverage:
    with world_of(chosen) as world:
        return Dpor(alike=alike).search(world, chosen.quota.limit, seconds, silent)


def every_trace(
    world: World, moves: int = 0, instants: list[tuple[int, ...]] | None = None
) -> list[Trace]:
    """All runs, by brute force; `instants` is told when each choice of each run was made."""
    traces: list[Trace] = []
    prefix: list[int] = []
    while True:
        offered: list[tuple[int, ...]] = []
        at: list[int] = []
        choose = following(prefix, offered, world if moves else None, moves)

        def noted(
            enabled: Sequence[int], choose: Choose = choose, at: list[int] = at
        ) -> int | None:
            at.append(world.instant)
            return choose(enabled)

        trace = world.trace(noted)
        traces.append(trace)
        if instants is not None:
            instants.append(tuple(at))
        place = len(offered) - 1
        while place >= 0 and trace.choices[place] == offered[place][-1]:
            place -= 1
        if place < 0:
            return traces
        after = offered[place][offered[place].index(trace.choices[place]) + 1]
        prefix = [*trace.choices[:place], after]


def events_of(known: Causality, trace: Trace) -> list[Event]:
    events: list[Event] = []
    for step in zip(trace.choices, trace.packets, trace.replies, strict=True):
        events.append(known.event(events, *step)[0])
    return events


def form_in_time(known: Causality, clock: int, trace: Trace, instants: tuple[int, ...]) -> int:
    """Of a run in which the clock moves; it counts as the client of this number."""
    events: list[Event] = []
    for choice, packet, reply, at in zip(
        trace.choices, trace.packets, trace.replies, instants, strict=True
    ):
        client = choice if choice >= 0 else clock
        told = reply if choice >= 0 else b"%d" % choice
        events.append(known.event(events, client, packet, told, at)[0])
    return form(events, trace.packets)


SMALL: list[tuple[str, int, int, int, Granularity]] = [
    ("get_set_json", 3, 1, 1, "packet"),
    ("get_set_json", 3, 2, 1, "packet"),
    ("get_set_json", 2, 2, 2, "packet"),
    ("no_prune", 2, 1, 1, "packet"),
    ("add_then_count", 2, 1, 1, "packet"),
    ("pipeline", 2, 1, 1, "command"),
    ("pipeline", 3, 1, 1, "packet"),
    ("pipeline_no_cleanup", 2, 1, 1, "command"),
    ("fixed_window", 3, 2, 1, "packet"),
    ("fixed_window_crash", 3, 1, 1, "packet"),
    ("fixed_window_setex", 3, 2, 1, "packet"),
    ("lua_sequence_leak", 3, 1, 1, "packet"),
    ("lua_same_millisecond", 2, 1, 2, "packet"),
    ("CountThenAdd", 2, 1, 1, "packet"),
    ("Watching", 2, 1, 1, "packet"),
    ("WatchesUntilDone", 2, 1, 2, "packet"),
    ("WatchesTooLate", 2, 1, 1, "packet"),
    ("QueuesByHand", 2, 1, 1, "packet"),
    ("WritesASideKey", 3, 1, 1, "packet"),
]


@pytest.mark.parametrize(("name", "clients", "limit", "requests", "granularity"), SMALL)
def test_as_brute_force(
    world_of: OpenWorld,
    name: str,
    clients: int,
    limit: int,
    requests: int,
    granularity: Granularity,
) -> None:
    """The same ends, the same worst, the smallest witness, and one run for each partial order."""
    chosen = cast(name, clients, limit, requests=requests, granularity=granularity)
    with world_of(chosen) as world:
        traces = every_trace(world)
        known = Causality(Dependency(world.send), clients)
        forms = {form(events_of(known, one), one.packets) for one in traces}
        whole = Dpor(alike=False).search(world, limit, 60.0, silent)
        fewer = Dpor().search(world, limit, 60.0, silent)
    worst = max(overshoot_at_once(one.answers, limit) for one in traces)
    refuses = any(refused_with_room(one.answers, limit) for one in traces)
    assert whole.schedules == len(forms) <= len(traces)
    assert fewer.schedules <= whole.schedules
    for found in (whole, fewer):
        assert found.complete
        assert found.outcomes == {sorted_answers(one.answers) for one in traces}
        assert (found.worst.measure if found.worst else 0) == worst
        assert (found.refusal is not None) == refuses
        if found.refusal is not None:
            refusing = (one for one in traces if refused_with_room(one.answers, limit))
            assert switches(found.refusal.choices) == min(switches(o.choices) for o in refusing)


@pytest.mark.parametrize(
    ("name", "clients", "limit", "requests", "moves"),
    [
        ("get_set_json", 2, 1, 1, 1),
        ("get_set_json", 2, 1, 1, 2),
        ("fixed_window", 2, 1, 1, 2),
        ("fixed_window", 1, 1, 3, 2),
        ("lua_atomic", 3, 1, 1, 1),
        ("ExpiresBetween", 1, 1, 3, 2),
        ("OneAMillisecond", 2, 1, 1, 2),
        ("SleepsAndCounts", 2, 1, 1, 1),
        ("Watching", 2, 1, 1, 1),
        ("WatchesTooLate", 2, 1, 1, 1),
        ("WatchesAndSleeps", 2, 1, 1, 1),
    ],
)
def test_as_brute_force_when_the_clock_moves(
    moving_world_of: OpenWorld, name: str, clients: int, limit: int, requests: int, moves: int
) -> None:
    """The same ends, the same worst, the least witnesses, and one run for each partial order."""
    chosen = cast(name, clients, limit, requests=requests)
    with moving_world_of(chosen) as world:
        yardstick = yardstick_of(chosen)
        instants: list[tuple[int, ...]] = []
        traces = every_trace(world, moves, instants)
        known = Causality(Dependency(world.send), clients + 1)
        timed = zip(traces, instants, strict=True)
        forms = {form_in_time(known, clients, one, at) for one, at in timed}
        whole = Dpor(moves, alike=False).search(world, limit, 120.0, silent)
        fewer = Dpor(moves).search(world, limit, 120.0, silent)
    asked = [asked_of(one.answers, one.spans) for one in traces]
    over = [overshoot_for_certain(one, yardstick) for one in asked]
    vain = [
        length(one.choices)
        for one, requests_ in zip(traces, asked, strict=True)
        if refused_in_vain(requests_, yardstick)
    ]
    assert whole.schedules == len(forms) <= len(traces)
    assert fewer.schedules <= whole.schedules
    for found in (whole, fewer):
        assert found.complete
        assert found.moves == moves
        assert found.outcomes == {sorted_answers(one.answers) for one in traces}
        assert (found.worst.measure if found.worst else 0) == max(over)
        assert (length(found.refusal.choices) if found.refusal else None) == min(vain, default=None)


def length(choices: tuple[int, ...]) -> tuple[int, int, int]:
    return sum(one < 0 for one in choices), switches(choices), len(choices)


@pytest.mark.parametrize(
    ("name", "clients", "requests", "moves"),
    [
        ("get_set_json", 2, 1, 1),
        ("get_set_json", 2, 2, 1),
        ("fixed_window", 2, 1, 2),
        ("lua_atomic", 3, 1, 2),
        ("ExpiresBetween", 1, 3, 2),
        ("ListOfInstants", 2, 1, 1),
        ("no_prune", 2, 1, 1),
        ("SleepsAndCounts", 2, 1, 1),
    ],
)
def test_as_the_search_by_states_when_the_clock_moves(
    moving_world_of: OpenWorld, name: str, clients: int, requests: int, moves: int
) -> None:
    chosen = cast(name, clients, 1, requests=requests)
    with moving_world_of(chosen) as world:
        cached = Complete(moves).search(world, 1, 120.0, silent)
        found = Dpor(moves).search(world, 1, 120.0, silent)
    assert found.complete
    assert found.outcomes == cached.outcomes
    for mine, theirs in ((found.first, cached.first), (found.refusal, cached.refusal)):
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            assert mine.sequential == theirs.sequential
            assert length(mine.choices) == length(theirs.choices)
    assert (found.worst.measure if found.worst else 0) == (
        cached.worst.measure if cached.worst else 0
    )


@pytest.mark.parametrize(
    ("name", "clients", "limit", "requests"),
    [
        ("get_set_json", 4, 1, 1),
        ("get_set_json", 4, 3, 1),
        ("no_prune", 2, 2, 2),
        ("fixed_window_setex", 3, 2, 1),
        ("lua_same_millisecond", 3, 1, 1),
        ("lua_same_millisecond", 2, 2, 2),
        ("pipeline", 3, 1, 1),
    ],
)
def test_as_the_search_by_states(
    world_of: OpenWorld, name: str, clients: int, limit: int, requests: int
) -> None:
    """The same ends, and first witnesses of the same length: of all schedules, not of its runs."""
    chosen = cast(name, clients, limit, requests=requests)
    with world_of(chosen) as world:
        cached = Complete().search(world, limit, 60.0, silent)
        found = Dpor().search(world, limit, 60.0, silent)
    assert found.complete
    assert found.outcomes == cached.outcomes
    assert found.schedules <= cached.schedules
    for mine, theirs in ((found.first, cached.first), (found.refusal, cached.refusal)):
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            assert mine.sequential == theirs.sequential
            assert switches(mine.choices) == switches(theirs.choices)
            assert len(mine.choices) == len(theirs.choices)
    assert (found.worst.measure if found.worst else 0) == (
        cached.worst.measure if cached.worst else 0
    )


def test_a_witness_shows_what_it_says(world_of: OpenWorld) -> None:
    with world_of(cast("WatchesTooLate", 3)) as world:
        found = Dpor().search(world, 1, 60.0, silent)
        for witness, measure in ((found.first, 1), (found.worst, 2)):
            assert witness is not None
            answers = world.trace(follow(witness.choices)).answers
            assert overshoot_at_once(answers, 1) == witness.measure == measure
    assert found.first is not None
    assert switches(found.first.choices) == 2


def test_an_error_is_shown_with_the_fewest_steps(world_of: OpenWorld) -> None:
    found = searched(world_of, cast("Raises", 3, 2))
    assert found.error is not None
    assert (switches(found.error.choices), len(found.error.choices)) == (2, 3)
    assert found.erring == found.schedules


def test_watching_is_right_until_it_is_done(world_of: OpenWorld) -> None:
    """Everybody commits, or is refused rightly. Of four clients and three places it takes 11,553
    runs, as `limitproof explore` shows.
    """
    for name in ("Watching", "WatchesUntilDone"):
        found = searched(world_of, cast(name, 3, 2))
        assert found.complete
        assert found.first is found.refusal is None
        assert (found.schedules, found.overshooting, found.refusing) == (115, 0, 0)


def test_four_clients_watch_one_place(world_of: OpenWorld) -> None:
    found = searched(world_of, cast("Watching", 4))
    assert found.complete
    assert found.first is found.refusal is None
    assert found.schedules == 49


@pytest.mark.parametrize(
    ("name", "limit"), [("Watching", 2), ("WatchesTooLate", 1), ("get_set_json", 1)]
)
def test_clients_that_are_alike_are_one_until_they_begin(
    world_of: OpenWorld, name: str, limit: int
) -> None:
    whole = searched(world_of, cast(name, 3, limit), alike=False)
    fewer = searched(world_of, cast(name, 3, limit))
    assert fewer.schedules < whole.schedules
    assert fewer.outcomes == whole.outcomes


def test_clients_whose_clocks_differ_are_not_alike(world_of: OpenWorld) -> None:
    chosen = cast("get_set_json", 2, offsets=(0, 500_000))
    assert searched(world_of, chosen) == searched(world_of, chosen, alike=False)


def forgetting(part: str, effect: Effect, words: Any) -> Effect:
    """A relation with a hole."""
    name = words[0].upper()
    blind = {
        "writes do not matter to reads": name in (b"GET", b"ZCARD"),
        "writes do not matter": name in (b"SET", b"SETEX", b"INCR"),
        "scripts touch what they declare": name == b"EVAL",
    }
    return Effect() if blind[part] else effect


@pytest.mark.parametrize(
    ("part", "name", "clients"),
    [
        ("writes do not matter to reads", "get_set_json", 2),
        ("writes do not matter", "WatchesTooLate", 2),
        ("scripts touch what they declare", "WritesASideKey", 2),
    ],
)
def test_a_hole_in_the_relation_is_noticed(
    world_of: OpenWorld, monkeypatch: pytest.MonkeyPatch, part: str, name: str, clients: int
) -> None:
    """Some real run is then none of the representatives, and the search says so itself."""
    whole = Dependency._effect

    def cut(self: Dependency, words: Any, value: Any) -> Effect:
        return forgetting(part, whole(self, words, value), words)

    assert searched(world_of, cast(name, clients)).complete
    monkeypatch.setattr(Dependency, "_effect", cut)
    found = searched(world_of, cast(name, clients))
    assert not found.complete
    assert "none of those that were foreseen" in found.stopped


def test_watch_matters(world_of: OpenWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, a commit that another one spoilt is never seen."""
    whole = Dependency._command

    def cut(self: Dependency, now: Any, words: Any, value: Any) -> Any:
        if words[0] == b"WATCH":
            return Effect(), now
        return whole(self, now, words, value)

    before = searched(world_of, cast("Watching", 3, 2))
    monkeypatch.setattr(Dependency, "_command", cut)
    after = searched(world_of, cast("Watching", 3, 2))
    assert before.complete
    assert not after.complete or after.schedules < before.schedules


def test_random_replies_end_the_search(world_of: OpenWorld) -> None:
    found = searched(world_of, cast("DrawsFromTheServer"))
    assert not found.complete
    assert found.stopped == "SPOP answers at random"


def test_a_run_that_does_not_repeat_ends_the_search(world_of: OpenWorld) -> None:
    found = searched(world_of, cast("Different"))
    assert not found.complete
    assert "none of those that were foreseen" in found.stopped


def test_a_script_met_for_the_first_time_begins_it_anew(world_of: OpenWorld) -> None:
    with world_of(cast("lua_sequence_leak", 2)) as world:
        known = Dpor().search(world, 1, 60.0, silent)
        world.flush_scripts()
        anew = Dpor().search(world, 1, 60.0, silent)
    assert anew == known
    assert anew.complete


def test_without_time_it_is_not_complete_and_keeps_what_it_has(world_of: OpenWorld) -> None:
    found = searched(world_of, cast("get_set_json", 4), 0.0)
    assert not found.complete
    assert (found.schedules, found.overshooting, found.stopped) == (1, 0, "stopped after 0 s")
    assert found.moves == -1


def test_it_can_be_stopped(world_of: OpenWorld) -> None:
    def tell(_: Progress) -> None:
        raise StoppedError("stopped by Ctrl-C")

    with world_of(cast("WatchesUntilDone", 3, 2)) as world:
        found = Dpor().search(world, 2, 60.0, tell)
    assert found.stopped == "stopped by Ctrl-C"
    assert found.sentence.endswith("seen")


def test_it_says_that_its_runs_are_representatives(world_of: OpenWorld) -> None:
    found = searched(world_of, cast("WatchesTooLate"))
    assert found.unit == "representatives"
    assert found.sentence == (
        "5 schedules up to the order of independent steps, all others end the same"
    )
