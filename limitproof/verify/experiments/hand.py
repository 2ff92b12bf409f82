"""Lets things happen in a world: requests, waits, faults; what directed stories are made with."""

from __future__ import annotations

from collections.abc import Callable

from limitproof.simulate.refusal import RefusedError
from limitproof.stories import Again, Ask, Event, Finish, Go, Kill, Look, Operation, Sight, Wait
from limitproof.verify.player import Player

PATIENCE = 120  # steps of one request before it is taken to wait for ever
LITTLE = 10  # steps, once another was taken to
NAPS = 40  # of these: who sleeps so often tries again and again
JUMPS = 4  # to the end of a key, in one request: of a lock, most likely
MINUTE = 60_000_000  # µs: a lock that lasts longer is one that nobody waits for
MILLISECOND = 1_000  # µs
SECOND = 1_000_000  # µs
SPACING = 1_000  # µs between two requests at most: a clock in milliseconds tells them apart


class Hand:
    """Directs a player.

    cautious: a request that takes no end of steps (it waits for a lock that nobody gives back) is
    given up, its client dies. Otherwise the world ends such a limiter. Who sleeps a millisecond at
    a time until a lock of five seconds ends does come to an end: before it is given up, the clock
    goes on to where the next key ends. cost: of each request; None for none.
    """

    def __init__(
        self,
        player: Player,
        room: Callable[[], int],
        *,
        cautious: bool = False,
        cost: int | None = None,
    ) -> None:
        self.player, self.cost = player, cost
        self._room = room
        self._cautious = cautious
        self._patience = PATIENCE

    @property
    def room(self) -> int:
        """How many of its requests pass at once, by the promise. Raises as `Laboratory.room`."""
        return self._room()

    @property
    def instant(self) -> int:
        """Microseconds since the epoch."""
        return self.player.instant

    def do(self, *events: Event) -> None:
        """One thing after the other."""
        for event in events:
            self.player.do(event)

    def ask(self, client: int = 0, key: str = "k") -> Operation:
        """A whole request of one client alone."""
        self.player.do(Ask(client, key, self.cost))
        self.finish(client)
        return self.player.last()

    @property
    def spacing(self) -> int:
        """Microseconds between two requests: as many as pass at once are asked before one returns.

        Of a bucket of 900 that 600 flow into in a second, 901 requests a millisecond apart are not
        refused. Where too many pass at once to be asked for, nobody waits for a refusal.
        """
        quota = self.player.world.cast.quota
        try:
            room = self.room
        except RefusedError:
            return SPACING
        return max(1, min(SPACING, int(quota.window * SECOND) // (quota.limit * room)))

    def asks(
        self, number: int, client: int = 0, key: str = "k", *, spacing: int | None = None
    ) -> None:
        """So many requests one after the other, each followed by a wait of `spacing` µs.

        spacing: None for `self.spacing`.
        """
        wait = self.spacing if spacing is None else spacing
        for _ in range(number):
            self.ask(client, key)
            self.wait(wait)

    def ask_too_much(self, key: str = "k") -> None:
        """A request that costs more than ever passes; nothing where requests have no cost."""
        if self.cost is not None:
            self.player.do(Ask(0, key, (self.room + 1) * self.cost))
            self.finish(0)

    def finish(self, client: int) -> None:
        """A request that is under way comes to its end, or is given up."""
        if not self.player.busy(client):
            return
        if not self._cautious:
            self.player.do(Finish(client))
            return
        for _ in range(JUMPS):
            naps = 0
            for _ in range(self._patience):
                naps += not self.sends(client)
                self.player.do(Go(client))
                if not self.player.busy(client):
                    return
                if naps >= NAPS:
                    break
            if not naps or not self._to_the_end_of_a_key():
                break
        self._patience = LITTLE
        self.player.do(Kill(client))

    def _to_the_end_of_a_key(self) -> bool:
        """The clocks move on to where the next key ends; False when none does within a minute."""
        entries = self.player.world.snapshot().entries
        ends = [end * MILLISECOND for one in entries for end in one.every_end if end >= 0]
        later = [end for end in ends if 0 < end - self.instant <= MINUTE]
        if later:
            self.wait(min(later) - self.instant)
        return bool(later)

    def begin(self, client: int, steps: int, key: str = "k") -> bool:
        """A request of which so many steps are taken; whether it is still under way."""
        self.player.do(Ask(client, key, self.cost))
        for _ in range(steps):
            if not self.player.busy(client):
                return False
            self.player.do(Go(client))
        return self.player.busy(client)

    def sends(self, client: int) -> bool:
        """Whether the client wants to send; one that sleeps does not."""
        return bool(self.player.world.seats[client].packets)

    def wait(self, microseconds: int) -> None:
        """The clocks move on; not at all for 0."""
        if microseconds > 0:
            self.player.do(Wait(microseconds))

    def look(self) -> Sight:
        """All keys are looked at; what was seen."""
        self.player.do(Look())
        return self.player.tale().sights[-1]

    def again(self) -> None:
        """The next act."""
        self.player.do(Again())
