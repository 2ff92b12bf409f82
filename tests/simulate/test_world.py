"""The world: what is a step, what time it is, and what is refused."""

from __future__ import annotations

import os
import random
import threading
import time

import pytest

from limitproof.history.outcome import Outcome
from limitproof.simulate.refusal import RefusedError, SlowError
from limitproof.simulate.resp import unpack
from limitproof.simulate.trace import Trace
from tests.simulate.casts import OpenWorld, cast

START = 1_700_000_000


def first(enabled: object) -> int:
    return next(iter(enabled))  # type: ignore[call-overload, no-any-return]


def sent(trace: Trace) -> list[list[str]]:
    """The commands of each step, by name."""
    return [[words[0].decode() for words in unpack(one) or []] for one in trace.packets]


def test_setting_up_a_connection_is_no_step(world_of: OpenWorld) -> None:
    with world_of(cast("get_set_json")) as world:
        assert sent(world.trace(first)) == [["GET"], ["SETEX"], ["GET"]]


def test_a_pipeline_is_one_packet_or_several_commands(world_of: OpenWorld) -> None:
    pipeline = ["ZREMRANGEBYSCORE", "ZCARD", "ZADD", "PEXPIRE"]
    with world_of(cast("pipeline", 1)) as world:
        assert sent(world.trace(first)) == [pipeline, ["ZRANGE"]]
    with world_of(cast("pipeline", 1, granularity="command")) as world:
        assert sent(world.trace(first)) == [*([name] for name in pipeline), ["ZRANGE"]]


def test_a_transaction_is_one_step_at_any_granularity(world_of: OpenWorld) -> None:
    with world_of(cast("fixed_window", 1, granularity="command")) as world:
        assert sent(world.trace(first)) == [["MULTI", "SET", "INCRBY", "PTTL", "EXEC"]] or sent(
            world.trace(first)
        ) == [["MULTI", "SET", "INCR", "PTTL", "EXEC"]]


def test_a_script_is_one_step_and_is_known_beforehand(world_of: OpenWorld) -> None:
    with world_of(cast("lua_atomic", 2)) as world:
        assert sent(world.trace(first)) == [["EVALSHA"], ["EVALSHA"]]


def test_nothing_moves_unless_it_is_chosen(world_of: OpenWorld) -> None:
    choices = [0, 1, 1, 0]
    with world_of(cast("get_set_json", 3)) as world:
        trace = world.trace(lambda _: choices.pop(0) if choices else None)
    assert trace.choices == (0, 1, 1, 0)
    admitted = (Outcome.ADMITTED,)
    assert trace.answers == (admitted, admitted, ())


def test_the_same_choices_give_the_same_bytes(world_of: OpenWorld) -> None:
    def trace(seed: int) -> Trace:
        with world_of(cast("transaction_random_member", 3, seed=seed)) as world:
            return world.trace(first)

    assert trace(0) == trace(0)
    assert trace(0).packets != trace(1).packets


def test_all_clocks_of_the_process_stand_still(world_of: OpenWorld) -> None:
    with world_of(cast("ReadsClocks", 1)) as world:
        (step,) = world.run(first).steps
    assert step.commands == (f"SET k {START}.0 {START}000000000 {START}.0 {START}.0",)


def test_each_client_has_a_clock_of_its_own(world_of: OpenWorld) -> None:
    """B's is 1.5 s ahead in every way of asking, also after A has run in between."""
    with world_of(cast("ReadsClocks", 2, offsets=(0, 1_500_000))) as world:
        steps = world.run(lambda enabled: enabled[-1]).steps
        told = {step.client: step.commands[0].split()[2::3] for step in steps}
    assert told == {0: [f"{START}.0", f"{START}.0"], 1: [f"{START + 1}.5", f"{START + 1}.5"]}


def test_everything_is_as_before_afterwards(world_of: OpenWorld) -> None:
    random.seed(5)
    before, urandom, sleep = random.getstate(), os.urandom, time.sleep
    with world_of(cast("add_then_count")) as world:
        world.trace(first)
    assert random.getstate() == before
    assert (os.urandom, time.sleep) == (urandom, sleep)
    assert time.time() > START + 1000


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Sleeps", "it sleeps"),
        ("Blocks", r"waits inside the server \(BLPOP\)"),
        ("CopiesAway", r"another database \(COPY\)"),
        ("TurnsRepliesOff", r"turns replies off \(CLIENT REPLY\)"),
        ("OwnConnection", r"a connection of its own \(\w+\); let it use the client"),
        ("OwnSocket", r"a connection of its own \(socket.connect\)"),
        ("OwnSocketInAThread", r"a connection of its own \(socket.connect\)"),
        ("OwnThread", "from a thread"),
        ("Endless", "more than 500 commands"),
        ("CannotBeMade", "no such service"),
        ("in_process", "its state is in the process"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_a_word(
    world_of: OpenWorld, name: str, why: str
) -> None:
    with pytest.raises(RefusedError, match=why), world_of(cast(name)) as world:
        world.trace(first)


def test_who_tells_what_nobody_answers_is_let(world_of: OpenWorld) -> None:
    with world_of(cast("TellsSyslog")) as world:
        assert len(world.trace(first).packets) == 2


def test_whose_requests_take_too_long_is_refused_when_the_time_is_over(
    world_of: OpenWorld,
) -> None:
    with pytest.raises(SlowError), world_of(cast("get_set_json"), until=0.0) as world:
        world.trace(first)


def test_one_that_never_asks_redis_is_refused_too(
    world_of: OpenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limitproof.simulate.watchdog.SPIN_SECONDS", 0.3)
    why = r"hangs: for 0\.3 s it asked Redis nothing"
    with pytest.raises(RefusedError, match=why), world_of(cast("Spins")) as world:
        world.trace(first)


def test_watch_works_on_live_connections(world_of: OpenWorld) -> None:
    """A reads, B writes in between: A's transaction fails, and A tries again."""
    with world_of(cast("Watching", 2, 2)) as world:
        choices = [0, 0, 1, 1, 1, *[0] * 9]
        trace = world.trace(lambda enabled: choices.pop(0) if enabled and choices else None)
    assert trace.answers == ((Outcome.ADMITTED,), (Outcome.ADMITTED,))
    assert [name[0] for name in sent(trace)].count("WATCH") == 3


def test_the_steps_of_a_run_show_the_keys(world_of: OpenWorld) -> None:
    with world_of(cast("get_set_json")) as world:
        run = world.run(first)
    assert [step.state for step in run.steps] == [
        "(no key)", f"k = [{START}000] (1000 ms)", f"k = [{START}000] (1000 ms)",
    ]  # fmt: skip
    assert [(step.reads, step.writes) for step in run.steps] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip
    assert [step.answered for step in run.steps] == [None, Outcome.ADMITTED, Outcome.REJECTED]


def test_a_thread_is_new_also_when_it_has_the_number_of_one_that_has_ended(
    world_of: OpenWorld,
) -> None:
    """Numbers are given away again, as a rule to the very next thread."""
    go_on = threading.Event()
    old = threading.Thread(target=go_on.wait)
    old.start()
    said: dict[int | None, bool] = {}
    with world_of(cast("get_set_json")) as world:
        go_on.set()
        old.join()
        for _ in range(20):
            new = threading.Thread(
                target=lambda: said.update({threading.get_ident(): world.in_new_thread()})
            )
            new.start()
            new.join()
        assert not world.in_new_thread()
    assert old.ident in said
    assert all(said.values())
