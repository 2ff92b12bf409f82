"""What else may happen in a world: the clock moves, replies are lost, clients die and sleep."""

from __future__ import annotations

import gc
import random
import warnings

import pytest

from limitproof.check.verdict import Verdict
from limitproof.history.outcome import Outcome
from limitproof.servers.virtual import START, VirtualServer
from limitproof.simulate.explore import explore
from limitproof.simulate.opening import world_on
from limitproof.simulate.refusal import HangError, RefusedError, TimeNeededError
from limitproof.simulate.seat import Seat
from limitproof.simulate.world import World
from tests.simulate.casts import OpenWorld, cast, silent

HOLDING = "tests.simulate.holding:"


def names(world: World) -> list[bytes]:
    """The commands that the first client wants to send, by name."""
    return [words[0] for words in world.seats[0].commands[0]]


def begun(world: World) -> None:
    world.reset()
    world.begin(world.seats[0])
    world.ask(world.seats[0])


def finish(world: World) -> None:
    while world.seats[0].ready:
        world.step(world.seats[0])


def test_a_moved_clock_is_everyones(moving_world_of: OpenWorld) -> None:
    """A's request is a window old when B asks: both are admitted, though the limit is one."""
    choices = [0, 0, -1_000_000, 1, 1]
    with moving_world_of(cast("get_set_json")) as world:
        trace = world.trace(lambda _: choices.pop(0) if choices else None)
    assert trace.choices == (0, 0, -1_000_000, 1, 1)
    assert trace.answers == ((Outcome.ADMITTED,), (Outcome.ADMITTED,))
    assert trace.spans == (((START, START),), ((START + 1_000_000, START + 1_000_000),))


@pytest.mark.parametrize("name", ["AsyncCountThenAdd", "CountThenAdd"])
def test_a_lost_reply_is_asked_for_again_by_redis_py(moving_world_of: OpenWorld, name: str) -> None:
    with moving_world_of(cast(name, 1)) as world:
        begun(world)
        sent = names(world)
        world.execute(world.seats[0])
        world.lose(world.seats[0])
        assert world.seats[0].asleep is not None, "redis-py waits before it tries again"
        world.step(world.seats[0])
        assert names(world) == sent
        finish(world)
        (call,) = world.seats[0].calls
    assert call.outcome is Outcome.ADMITTED
    assert call.ended is not None
    assert call.ended > call.begun == START


@pytest.mark.parametrize("name", ["AsyncCountThenAdd", "CountThenAdd"])
def test_a_dead_client_leaves_a_request_without_an_outcome(
    moving_world_of: OpenWorld, name: str
) -> None:
    with moving_world_of(cast(name)) as world:
        begun(world)
        world.step(world.seats[0])
        world.kill(world.seats[0])
        (call,) = world.seats[0].calls
        assert (call.outcome, call.ended) == (Outcome.UNKNOWN, None)
        begun(world)
        finish(world)
        assert world.seats[0].answers == [Outcome.ADMITTED]


@pytest.mark.parametrize("name", ["Sleeps", "AsyncSleeps"])
def test_a_sleep_is_a_step_that_moves_the_clock(moving_world_of: OpenWorld, name: str) -> None:
    with moving_world_of(cast(name)) as world:
        trace = world.trace(lambda enabled: enabled[0])
    assert trace.answers == ((Outcome.ADMITTED,), (Outcome.ADMITTED,))
    assert trace.choices == (0, 0, 1, 1)
    assert trace.spans[1] == ((START + 10_000, START + 20_000),)


def test_where_time_stands_still_nobody_sleeps(world_of: OpenWorld) -> None:
    with pytest.raises(TimeNeededError, match="sleeps"), world_of(cast("Sleeps")):
        pass


def test_an_unfinished_coroutine_is_quiet(world_of: OpenWorld) -> None:
    with warnings.catch_warnings(), world_of(cast("AsyncCountThenAdd", 3)) as world:
        warnings.simplefilter("error")
        for taken in range(5):
            choices = [0, 1, 2, 0, 1, 2][:taken]
            world.trace(lambda _, left=choices: left.pop(0) if left else None)  # type: ignore[misc]
        gc.collect()


def test_scripts_are_forgotten_but_for_the_worlds_own(moving_world_of: OpenWorld) -> None:
    with moving_world_of(cast("lua_sequence_leak")) as world:
        begun(world)
        finish(world)
        world.flush_scripts()
        world.ask(world.seats[0])
        assert world.step(world.seats[0]).startswith(b"-NOSCRIPT")
        finish(world)
        assert world.seats[0].answers == [Outcome.ADMITTED, Outcome.REJECTED]


@pytest.mark.parametrize("name", ["GivesBack", "AsyncGivesBack"])
def test_a_client_that_is_ended_asks_nothing_more(world_of: OpenWorld, name: str) -> None:
    """Nor does redis-py try again for it, after a wait whose length it draws."""
    with world_of(cast(HOLDING + name)) as world:
        begun(world)
        world.step(world.seats[0])
        drawn = random.getstate()
        world.kill(world.seats[0])
        assert random.getstate() == drawn
        assert not world.seats[0].ready
        assert world.doubt == ""


@pytest.mark.parametrize("name", ["GivesBack", "AsyncGivesBack"])
def test_who_gives_back_is_explored_to_the_end(name: str) -> None:
    found = explore(cast(HOLDING + name, moves=0), 60.0, silent)
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert found.coverage.states < 40


def test_the_last_word_of_a_dead_client_is_no_answer(moving_world_of: OpenWorld) -> None:
    with moving_world_of(cast("tests.verify.experiments.specimens.faults:LockedAndOpen")) as world:
        begun(world)
        world.kill(world.seats[0])
        (call,) = world.seats[0].calls
    assert (call.outcome, call.decision, call.error) == (Outcome.UNKNOWN, None, "")


def test_one_that_cannot_be_ended_keeps_no_other_open(still_server: VirtualServer) -> None:
    seats: list[Seat] = []

    def begin_all() -> None:
        with world_on(still_server, cast(HOLDING + "GoesOn", 3), rehearsed=False) as world:
            seats.extend(world.seats)
            for seat in seats:
                world.begin(seat)
                world.ask(seat)

    with pytest.raises(RefusedError, match="catches every exception"):
        begin_all()
    for seat in seats:
        pool = seat.client.connection_pool
        links = [*pool._available_connections, *pool._in_use_connections]
        assert [one for one in links if one._sock is not None] == []


def test_why_it_had_to_be_ended_is_told_and_not_that_it_cannot_be(
    world_of: OpenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limitproof.simulate.watchdog.SPIN_SECONDS", 0.1)
    with pytest.raises(HangError), world_of(cast(HOLDING + "HangsThenGoesOn")):
        pass
