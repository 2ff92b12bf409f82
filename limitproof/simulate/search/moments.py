"""To which instants the clock may move: those at which something can change for a limiter.

A key ends, or a request is as old as the window: each a millisecond before, at, and after, which
is the finest that is judged (see `limitproof.check.instants`); a client that sleeps wakes up; and
a millisecond passes. Before the first request, a millisecond short of a multiple of the window
since the epoch: a limiter that counts by the calendar admits its limit then, and again when a
millisecond has passed. In between nothing happens that does not happen at one of these, for a
limiter that compares ages with its window, keys with their expiry and the clock with the calendar.
One that compares with anything else (half a window) is not seen to change there.
"""

from __future__ import annotations

from collections.abc import Iterable

from limitproof.check.yardstick import Yardstick
from limitproof.simulate.world import World

MILLISECOND = 1_000  # µs
FORMER = (-MILLISECOND, 0, MILLISECOND)


def moments(
    now: int,
    yardstick: Yardstick,
    *,
    ends: Iterable[int],
    seen: Iterable[int],
    wakes: Iterable[int] = (),
    offsets: Iterable[int] = (),
) -> list[int]:
    """How far the clock may move on from `now`, each in µs and above 0, ascending.

    now: µs since the epoch; ends: of keys, in ms since the epoch (-1: never); seen: instants (µs)
    at which requests began or ended; wakes: until when clients sleep (µs); offsets: by how much
    the clients' clocks are off (µs): what one has stamped, another finds as much younger or
    older.
    """
    begun = set(seen)
    known = [0, *offsets]
    apart = {one - other for one in known for other in known}
    edges = {end * MILLISECOND for end in ends if end >= 0}
    edges |= {at + age + off for at in begun for age in _ages(yardstick) for off in apart}
    instants = {edge + step for edge in edges for step in FORMER} | {*wakes}
    if begun:
        instants.add(now + MILLISECOND)
    elif window := yardstick.window // 1_000:
        instants.add(now + -(now + MILLISECOND) % window)
    return sorted(instant - now for instant in instants if instant > now)


def moments_of(world: World, yardstick: Yardstick) -> list[int]:
    """The same where a run stands now."""
    calls = [call for seat in world.seats for call in seat.calls]
    asleep = [seat.asleep for seat in world.seats if seat.asleep is not None]
    ended = (call.ended for call in calls if call.ended is not None)
    return moments(
        world.instant,
        yardstick,
        ends=[end for entry in world.snapshot().entries for end in entry.every_end],
        seen=[*(call.begun for call in calls), *ended],
        wakes=[*asleep, *(call.begun + world.cast.apart for call in calls)],
        offsets=world.cast.offsets,
    )


def may_go_on(world: World, client: int) -> bool:
    """Whether a client may take a step now: its next request may have to wait (`Cast.apart`)."""
    calls = [call for seat in world.seats for call in seat.calls]
    latest = max((call.begun for call in calls), default=0)
    early = world.cast.apart > 0 and latest > world.instant - world.cast.apart
    return not (early and world.seats[client].idle)


def _ages(yardstick: Yardstick) -> tuple[int, ...]:
    """At which age (µs) a request matters no longer; of a bucket, also when a token has dripped."""
    window = yardstick.window // 1_000
    if yardstick.rate is None:
        return (window,)
    return (window, round(1 / yardstick.rate / 1_000))
