"""Tales of small models of limiters, told without any server.

A model decides at one instant; a request begins before that and ends after it, and others come in
between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from limiters.contract import Decision
from limitproof.check.tales.ideal import Ideal
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Tale

START = 1_700_000_000_000_000
MS = 1_000


@dataclass(frozen=True)
class Move:
    """One thing in a plan: the clock goes on by `wait` µs; or client `who` begins, is decided on
    or ends, whatever comes next for it."""

    who: int = -1
    wait: int = 0
    cost: int | None = None


def tell(model: Callable[[], Ideal], plan: Sequence[Move], acts: int = 1) -> Tale:
    """The tale of a plan; everybody whose request is under way at its end is left there."""
    told: list[Operation] = []
    place = 0
    for act in range(acts):
        limiter, now = model(), START
        under_way: dict[int, int] = {}
        decided: set[int] = set()
        for move in plan:
            place += 1
            if move.who < 0:
                now += move.wait
            elif move.who not in under_way:
                under_way[move.who] = len(told)
                told.append(
                    Operation(
                        move.who, "k", move.cost, now, None, Outcome.UNKNOWN, act=act, place=place
                    )
                )
            elif move.who not in decided:
                number = under_way[move.who]
                decision = limiter.admit(now, told[number].weight)
                told[number] = replace(told[number], decision=decision)
                decided.add(move.who)
            else:
                number = under_way.pop(move.who)
                decided.discard(move.who)
                told[number] = answered(told[number], now, place)
    return Tale(
        tuple(one if one.ended is not None else replace(one, decision=None) for one in told)
    )


def answered(one: Operation, now: int, place: int) -> Operation:
    assert one.decision is not None
    outcome = Outcome.ADMITTED if one.decision.allowed else Outcome.REJECTED
    return replace(one, ended=now, over=place, outcome=outcome)


def ask(who: int = 0, cost: int | None = None) -> list[Move]:
    """A whole request, at one instant."""
    return [Move(who, cost=cost), Move(who), Move(who)]


def wait(milliseconds: float) -> list[Move]:
    return [Move(wait=round(milliseconds * MS))]


def plans(window: int, costs: bool = True) -> st.SearchStrategy[list[Move]]:
    """Any plan of three clients; the clock likes a window's edges (window in µs)."""
    jumps = [1, 400, MS - 1, MS, MS + 1, window // 4, window // 2, window - MS, window, window + MS]
    waits = st.sampled_from([*jumps, window - 1, window + 1, 3 * window]) | st.integers(
        1, 2 * window
    )
    cost = st.sampled_from([None, None, 1, 2, 3, 7]) if costs else st.none()
    step = st.builds(Move, st.integers(0, 2), st.just(0), cost)
    alone = st.integers(0, 2).flatmap(lambda who: cost.map(lambda c: ask(who, c)))
    part = waits.map(lambda w: [Move(wait=w)]) | step.map(lambda s: [s]) | alone
    return st.lists(part, max_size=40).map(lambda parts: [one for part in parts for one in part])


class Wrong:
    """A model whose answers are changed afterwards."""

    def __init__(self, right: Ideal, change: Callable[[Decision], Decision]) -> None:
        self.right, self.change = right, change

    def admit(self, now: int, cost: int = 1) -> Decision:
        return self.change(self.right.admit(now, cost))
