"""One simulated client: a greenlet that runs until its limiter sends or sleeps, and then waits."""

from __future__ import annotations

import hashlib
import inspect
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

import greenlet
from redis.exceptions import RedisError

from limiters.contract import Decision, Quota
from limitproof.decisions import one_line, plain, rubbish, short
from limitproof.history.outcome import Outcome
from limitproof.schedules import Granularity
from limitproof.simulate.coroutine import Coroutines, not_running
from limitproof.simulate.immortal import keep_for_ever
from limitproof.simulate.marks import Mark, marked_by
from limitproof.simulate.refusal import MOST_STEPS, RefusedError, check_commands
from limitproof.simulate.resp import Commands, pack
from limitproof.simulate.wire import Wire, hang_up, simulated_client

KEY = "k"
DEATHS = 3  # times that a limiter with a bare `except` may answer instead of ending
LAST_WORDS = 50  # commands of one that is being ended, in its `finally` and `except`
FIRST_PROCESS, LIVES_APART = 1_000_001, 100  # ids as Linux gives them: at most 4,194,304
OVERLAPS = "it has asyncio tasks side by side in one request, and one order of them was tried"
Factory = Callable[[Any, Quota, Callable[[], float]], Any]


@dataclass(slots=True)
class Call:
    """One request: when it began and ended (µs since the epoch), and what came of it.

    ended is None while it goes on, or when its client died: then its outcome is unknown.
    """

    key: str
    cost: int | None
    begun: int
    ended: int | None = None
    outcome: Outcome = Outcome.UNKNOWN
    decision: Decision | None = None
    error: str = ""


class Seat:
    """A client's place: its connection, its clock, its random numbers, and where it stands.

    `packets` holds what it wants to send, one entry a step. `asleep` is the instant (µs) until
    which its limiter sleeps, None when it does not. `idle`: made, and no request is under way.
    `refused` says why it cannot be simulated, None while it can. `fresh` is true while the first
    step of a request has not been taken. `life`: how many before it have died; who
    comes after one draws other random numbers than that one, or its first request would look like
    the dead one's, sent again. `notice` is told what keeps any search from being complete.
    `marked` holds the connections that the server would not take for new ones.
    """

    def __init__(
        self,
        number: int,
        path: str,
        seed: int,
        granularity: Granularity,
        clock: Callable[[], float],
        *,
        sleep: Callable[[float], None],
        notice: Callable[[str], None],
        is_async: bool = False,
    ) -> None:
        self.number = number
        self.clock = clock
        self.packets: list[bytes] = []
        self.commands: list[Commands] = []
        self.calls: list[Call] = []
        self.fresh = True
        self.idle = False
        self.asleep: int | None = None
        self._limiter: Any = None
        self.refused: RefusedError | None = None
        self.wire: Wire | None = None
        self._coroutines = Coroutines(path, self._ask) if is_async else None
        self.client: Any = (
            simulated_client(path, self._ask)
            if self._coroutines is None
            else self._coroutines.client
        )
        self._sleep, self._notice = sleep, notice
        self._granularity = granularity
        self.life = 0
        self._origin = f"{seed}:{number}"
        self._name = self._origin
        self._greenlet: greenlet.greenlet | None = None
        self._gathered = b""
        self._steps = 0
        self._random: Any = None
        self._blocks = 0
        self._named = False
        self._leaving = False
        self.marked: dict[Wire, Mark] = {}

    @property
    def takes_cost(self) -> bool:
        """Whether `acquire` of the limiter that was made takes a cost."""
        return _takes_cost(self._limiter)

    @property
    def answers(self) -> list[Outcome]:
        """What came of the requests that are over."""
        return [call.outcome for call in self.calls if call.ended is not None]

    @property
    def ready(self) -> bool:
        """Whether a step of it is due: it wants to send, or sleeps."""
        return bool(self.packets) or self.asleep is not None

    def begin(self, factory: Factory, quota: Quota, *, swap: bool = True) -> None:
        """Make a new limiter, and run until it is made or asks Redis; `swap` as for `resume`."""
        self.packets, self.commands, self.calls = [], [], []
        self.refused, self.fresh, self.idle, self.asleep = None, True, False, None
        self._gathered, self._steps, self._naps = b"", 0, 0
        self._blocks, self._named = 0, False
        self._name = f"{self._origin}:{self.life}" if self.life else self._origin
        self._greenlet = greenlet.greenlet(self._live)
        if swap:
            random.seed(self._name)
        self._greenlet.switch(factory, quota)
        if swap:
            self._random = random.getstate()

    def ask(self, call: Call, *, swap: bool = True) -> None:
        """Begin a request, and run until it asks Redis or is over. Only when `idle`."""
        assert self.idle
        self.calls.append(call)
        self.idle, self._steps, self._naps = False, 0, 0
        self._switch(call, swap)

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
        self._switch(reply, swap)

    def lose(self, *, swap: bool = True) -> None:
        """Let the connection break before the reply: the client learns nothing of its fate."""
        self.fresh = False
        self.packets, self.commands, self._gathered = [], [], b""
        self._switch(None, swap)

    def wake(self, *, swap: bool = True) -> None:
        """Let a sleeping limiter go on."""
        self.asleep, self.fresh = None, False
        self._switch(b"", swap)

    def sleep_until(self, instant: int) -> None:
        """Called inside the client: wait until it is woken."""
        self._naps += 1
        self._count(1)
        self.asleep = instant
        self._wait()

    def refuse(self, error: RefusedError) -> NoReturn:
        """Called inside the client: it cannot be simulated, and goes no further.

        It is left where it stands. Raised inside of it, the error would end in its bare `except`:
        one that fails open there would be said to have admitted.
        """
        self.refused = self.refused or error
        if self.running and (not self._leaving or self._steps > LAST_WORDS):
            self._wait()
        raise error

    @property
    def running(self) -> bool:
        """Whether its own code runs at this moment."""
        return greenlet.getcurrent() is self._greenlet

    def draws(self) -> bool:
        """Whether it has drawn from the module `random` since `begin`."""
        random.seed(self._name)
        return bool(self._random != random.getstate())

    @property
    def drew_entropy(self) -> bool:
        """Whether it has asked os.urandom for anything since `begin` (uuid4 and secrets do).

        Its process id is as good: a name that no other client has.
        """
        return self._blocks > 0 or self._named

    def leave(self) -> None:
        """End it where it stands, as kill -9 would: its connection is gone, too.

        Raises RefusedError when it goes on all the same.
        """
        here = self._greenlet
        midway, before = here is not None and not here.dead and not self.idle, self.refused
        self._leaving, self._steps = True, 0
        try:
            if here is not None and not here.dead and self.idle:
                here.switch(None)  # it waits for a request, and none comes: ends without a word
            for _ in range(DEATHS):
                if here is not None and not here.dead:
                    here.throw()
            self._limiter = None  # a pipeline that watches sends UNWATCH as it is deleted
        finally:
            self._leaving = False
        if midway or self.marked:
            self.disconnect()
        self._greenlet = None
        self.packets, self.commands, self.idle, self.asleep = [], [], False, None
        if here is not None and not here.dead:
            keep_for_ever(here)
            raise before or RefusedError(
                "it cannot be ended: it catches every exception, and goes on"
            )
        if self._coroutines is not None and self._coroutines.undead:
            raise RefusedError("it cannot be ended: a task of it goes on when it is cancelled")
        if self.refused is not None and self.refused is not before:
            raise self.refused  # while it was being ended

    def disconnect(self) -> None:
        """Close its connections; the next command opens one."""
        marked, self.marked = bool(self.marked), {}
        if self._coroutines is None:
            hang_up(self.client, for_good=marked)
        else:
            self._coroutines.disconnect()

    def close(self) -> None:
        """End it, and its connections."""
        try:
            self.leave()
        finally:
            self.disconnect()

    def urandom(self, size: int) -> bytes:
        """This client's entropy: as good as random, and the same in every run."""
        self._blocks += 1
        seed = f"{self._name}:{self._blocks}".encode()
        return hashlib.shake_256(seed).digest(size)

    def process(self) -> int:
        """Its process id: in production, clients are processes, and each has its own."""
        self._named = True
        return FIRST_PROCESS + self.number + LIVES_APART * self.life

    def _switch(self, value: object, swap: bool) -> None:
        assert self._greenlet is not None
        if swap:
            random.setstate(self._random)
        self._greenlet.switch(value)
        if swap:
            self._random = random.getstate()

    def _live(self, factory: Factory, quota: Quota) -> None:
        try:
            with self._event_loop():
                limiter = factory(self.client, quota, self.clock)
                if inspect.isawaitable(limiter):
                    limiter = self._result(limiter)
                if not callable(getattr(limiter, "acquire", None)):
                    raise RefusedError(
                        f"it cannot be made: the factory returned {short(limiter)}, "
                        "which has no method acquire(key)"
                    )
                self._limiter = limiter
                while True:
                    self.idle = self.fresh = True
                    call: Call | None = self._wait()
                    if call is None:
                        return
                    self._request(limiter, call)
        except RefusedError as refusal:
            self.refused = self.refused or refusal
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the factory raises is its verdict
            if self._leaving:
                return
            self.refused = RefusedError(f"it cannot be made: {one_line(error)}")

    def _request(self, limiter: Any, call: Call) -> None:
        try:
            cost = () if call.cost is None else (call.cost,)
            decision = limiter.acquire(call.key, *cost)
            if not isinstance(decision, Decision) and inspect.isawaitable(decision):
                decision = self._result(decision)
            call.error = rubbish(decision) or ""
            decision = decision if call.error else plain(decision)
        except (RefusedError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - judged, not propagated: also sys.exit()
            call.error = one_line(error)
        if self._leaving:
            call.error, decision = "", None
            return
        if call.error:
            call.outcome = Outcome.ERROR
            return
        call.decision = decision
        call.outcome = Outcome.ADMITTED if decision.allowed else Outcome.REJECTED

    def _result(self, awaitable: Any) -> Any:
        if self._coroutines is None:
            close = getattr(awaitable, "close", None)
            if close is not None:
                close()
            raise RefusedError(
                "it is async def, but its factory takes a blocking client: annotate that parameter "
                "with redis.asyncio.Redis"
            )
        try:
            return self._coroutines.run(awaitable)
        finally:
            self._tell_overlap(self._coroutines)

    def _tell_overlap(self, coroutines: Coroutines) -> None:
        if coroutines.overlaps:
            self._notice(OVERLAPS)

    def _event_loop(self) -> AbstractContextManager[None]:
        return nullcontext() if self._coroutines is None else self._coroutines.loop(self._sleep)

    def _ask(self, wire: Wire, packet: bytes, commands: Commands) -> bytes | None:
        if self._leaving or (self._coroutines is not None and self._coroutines.closing):
            self._steps += 1
            if self._steps > LAST_WORDS:
                self.refuse(RefusedError("it cannot be ended"))
            # A `finally` of the limiter, or of redis-py, in a client that is gone: no error that
            # redis-py would try again after a wait, which is drawn.
            raise RedisError("the client is gone")
        self.wire = wire
        here = self._greenlet
        if here is None or greenlet.getcurrent() is not here:
            self.refused = RefusedError("it sends from a thread or a greenlet of its own")
            raise self.refused
        try:
            check_commands(commands)
        except RefusedError as error:
            self.refuse(error)
        self._mark(wire, commands)
        transaction = commands[0][0].upper() == b"MULTI"
        if self._granularity == "command" and len(commands) > 1 and not transaction:
            self.packets = [pack(*words) for words in commands]
            self.commands = [[words] for words in commands]
        else:
            self.packets, self.commands = [packet], [commands]
        self._count(len(self.packets))
        if self._coroutines is not None:
            self._coroutines.look()
            self._tell_overlap(self._coroutines)
        reply: bytes | None = self._wait()
        return reply

    def _mark(self, wire: Wire, commands: Commands) -> None:
        mark = marked_by(commands, self.marked.get(wire, Mark.NONE))
        if mark is not Mark.NONE:
            self.marked[wire] = mark
        elif self.marked:
            self.marked.pop(wire, None)

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MOST_STEPS:
            self.refuse(RefusedError(self._too_many()))

    def _too_many(self) -> str:
        if 2 * self._naps < self._steps:
            return f"it sent more than {MOST_STEPS} commands"
        slept = f"it slept {self._naps} times in one request"
        return f"{slept}: who waits so long, for room or for a lock, decides nothing"

    def _wait(self) -> Any:
        assert self._greenlet is not None
        assert self._greenlet.parent is not None
        if self._coroutines is None:
            return self._greenlet.parent.switch()
        with not_running():
            return self._greenlet.parent.switch()


def _takes_cost(limiter: Any) -> bool:
    """Whether `acquire(key, cost)` is in its signature; nothing is called to find out."""
    try:
        parameters = list(inspect.signature(limiter.acquire).parameters.values())
    except (AttributeError, TypeError, ValueError):
        return False
    positional = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    return len(positional) > 1 and positional[1].name == "cost"
