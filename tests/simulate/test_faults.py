"""What else may happen in a world: the clock moves, replies are lost, clients die and sleep."""

from __future__ import annotations

import gc
import warnings

import pytest

from limitproof.history.outcome import Outcome
from limitproof.servers.virtual import START
from limitproof.simulate.refusal import TimeNeededError
from limitproof.simulate.world import World
from tests.simulate.casts import OpenWorld, cast


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
