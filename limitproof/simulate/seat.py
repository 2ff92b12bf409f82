"""One simulated client: a greenlet that runs until its limiter sends, and then waits."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

import greenlet

from limiters.contract import Decision, Quota
from limitproof.history.columns import Outcome
from limitproof.schedules import Granularity
from limitproof.simulate.refusal import MOST_STEPS, RefusedError, check_commands
from limitproof.simulate.resp import pack
from limitproof.simulate.wire import Wire, simulated_client

KEY = "k"
Factory = Callable[[Any, Quota, Callable[[], float]], Any]


class Seat:
    """A client's place: its connection, its clock, its random numbers, and where it stands.

    `packets` holds what it wants to send, one entry a step; empty when it is done (or failed:
    `refused` says why). `fresh` is true while the first step of a request has not been taken.
    """

    def __init__(
        self,
        number: int,
        path: str,
        seed: int,
        granularity: Granularity,
        clock: Callable[[], float],
    ) -> None:
        self.number = number
        self.clock = clock
        self.packets: list[bytes] = []
        self.commands: list[list[list[bytes]]] = []
        self.answers: list[Outcome] = []
        self.errors: list[str] = []
        self.fresh = True
        self.refused = ""
        self.client = simulated_client(path, self._ask)
        self.wire: Wire | None = None
        self._granularity = granularity
        self._name = f"{seed}:{number}"
        self._greenlet: greenlet.greenlet | None = None
        self._gathered = b""
        self._steps = 0
        self._random: Any = None
        self._blocks = 0

    def begin(self, factory: Factory, quota: Quota, requests: int, *, swap: bool = True) -> None:
        """Make a new limiter and run to its first command; `swap` as for `resume`."""
        self.packets, self.commands, self.answers, self.errors = [], [], [], []
        self.refused, self.fresh = "", True
        self._gathered, self._steps, self._blocks = b"", 0, 0
        self._greenlet = greenlet.greenlet(self._live)
        if swap:
            random.seed(self._name)
        self._greenlet.switch(factory, quota, requests)
        if swap:
            self._random = random.getstate()

    def resume(self, reply: bytes, *, swap: bool = True) -> None:
        """Hand over the reply to the first packet, and run to the next command.

        swap: give the client its own random numbers; not needed by one that draws none.
        """
        self._gathered += reply
        self.fresh = False
        del self.packets[0], self.commands[0]
        if self.packets or self._greenlet is None:
            return
        reply, self._gathered = self._gathered, b""
        if swap:
            random.setstate(self._random)
        self._greenlet.switch(reply)
        if swap:
            self._random = random.getstate()

    @property
    def running(self) -> bool:
        """Whether its own code runs at this moment."""
        return self._greenlet is not None and greenlet.getcurrent() is self._greenlet

    def draws(self) -> bool:
        """Whether it has drawn from the module `random` since `begin`."""
        random.seed(self._name)
        return bool(self._random != random.getstate())

    def leave(self) -> None:
        """End it where it stands."""
        if self._greenlet is not None and not self._greenlet.dead:
            self._greenlet.throw()
        self._greenlet = None

    def close(self) -> None:
        """End it, and its connections."""
        self.leave()
        self.client.connection_pool.disconnect()

    def urandom(self, size: int) -> bytes:
        """This client's entropy: as good as random, and the same in every run."""
        self._blocks += 1
        seed = f"{self._name}:{self._blocks}".encode()
        return hashlib.shake_256(seed).digest(size)

    def _live(self, factory: Factory, quota: Quota, requests: int) -> None:
        try:
            limiter = factory(self.client, quota, self.clock)
            for _ in range(requests):
                self.fresh = True
                self.answers.append(self._request(limiter))
        except RefusedError as refusal:
            self.refused = str(refusal)
        except Exception as error:  # noqa: BLE001 - whatever the factory raises is its verdict
            self.refused = f"it cannot be made: {type(error).__name__}: {error}"

    def _request(self, limiter: Any) -> Outcome:
        try:
            decision = limiter.acquire(KEY)
        except Exception as error:  # noqa: BLE001 - judged, not propagated
            self.errors.append(f"{type(error).__name__}: {error}".partition("\n")[0])
            return Outcome.ERROR
        if not isinstance(decision, Decision):
            self.errors.append(f"acquire answered {decision!r}, which is no Decision")
            return Outcome.ERROR
        return Outcome.ADMITTED if decision.allowed else Outcome.REJECTED

    def _ask(self, wire: Wire, packet: bytes, commands: list[list[bytes]]) -> bytes:
        check_commands(commands)
        self.wire = wire
        here = self._greenlet
        if here is None or greenlet.getcurrent() is not here:
            self.refused = "it sends from a thread or a greenlet of its own"
            raise RefusedError(self.refused)
        transaction = commands[0][0].upper() == b"MULTI"
        if self._granularity == "command" and len(commands) > 1 and not transaction:
            self.packets = [pack(*words) for words in commands]
            self.commands = [[words] for words in commands]
        else:
            self.packets, self.commands = [packet], [commands]
        self._steps += len(self.packets)
        if self._steps > MOST_STEPS:
            raise RefusedError(f"it sent more than {MOST_STEPS} commands")
        assert here.parent is not None
        return bytes(here.parent.switch())
