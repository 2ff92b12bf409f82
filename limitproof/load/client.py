"""One client of a load run: asks a limiter as its script says, and records every answer.

It knows neither Locust nor gevent; under Locust, `time.sleep` and the sockets have been made
cooperative, so that many clients share a process.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import redis

from limiters.contract import Limiter
from limitproof.decisions import one_line, rubbish
from limitproof.history.columns import Key
from limitproof.history.meta import NANOSECONDS
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Discarder, Recorder
from limitproof.load.connection import let_others_go
from limitproof.traffic import Flood, Send, Step

DROP_AFTER = NANOSECONDS // 2
"""An open-loop request that is later than this is not sent any more, and counted as dropped."""
_SPIN = 200_000  # ns before an instant at which sleeping is over and waiting begins
_NO_ROUND_TRIP = 20_000  # ns; no server answers as fast as this
_PAUSE = 0.0005  # seconds
_LOST_IN_A_ROW = 8  # connection failures after which the server counts as gone


class ServerGoneError(ConnectionError):
    """Redis did not answer several times in a row."""


@dataclass(slots=True)
class Client:
    """A limiter, who asks it, and where the answers are recorded.

    `prefix` is put before every key name that the limiter sees; `patience` is how many seconds
    the client's part in a herd may take.
    """

    number: int
    limiter: Limiter
    recorder: Recorder | Discarder
    prefix: str
    patience: float = 1.0
    _lost: int = field(default=0, init=False)

    def acquire(self, key: Key, intended: int | None = None) -> Outcome:
        """Ask once and record it. Raises ServerGoneError when Redis has gone for good."""
        recorder = self.recorder
        slot = recorder.invoked(self.number, key, 1, intended)
        try:
            decision = self.limiter.acquire(self.prefix + key.name)
            fault = rubbish(decision)
        except redis.exceptions.ConnectionError as error:
            return self._lose(slot, error)
        except redis.exceptions.TimeoutError as error:
            return self._lose(slot, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - what a limiter raises is its verdict
            fault = one_line(error)
        if fault:
            recorder.answered(slot, Outcome.ERROR)
            recorder.error(fault)
            return Outcome.ERROR
        self._lost = 0
        outcome = Outcome.ADMITTED if decision.allowed else Outcome.REJECTED
        recorder.answered(slot, outcome, decision.remaining, decision.retry_after)
        return outcome

    def _lose(self, slot: int, error: Exception) -> Outcome:
        # Whether the command ran is not known: the connection went before the reply came.
        self.recorder.answered(slot, Outcome.UNKNOWN)
        self.recorder.error(one_line(error))
        self._lost += 1
        if self._lost >= _LOST_IN_A_ROW:
            raise ServerGoneError(f"Redis did not answer {self._lost} times in a row: {error}")
        time.sleep(0.01)
        return Outcome.UNKNOWN

    def perform(self, script: Iterable[Step], start: int) -> None:
        """Follow a script whose zero is the instant `start` (ns since the epoch)."""
        for step in script:
            if isinstance(step, Flood):
                self._flood(step, start)
                continue
            intended = start + round(step.at * NANOSECONDS)
            self._wait_until(intended)
            if step.count > 1:
                self._burst(step, intended)
            elif self.recorder.now() - intended > DROP_AFTER:
                self.recorder.dropped(self.number, step.key, intended)
            else:
                self.acquire(step.key, intended)

    def _burst(self, step: Send, intended: int) -> None:
        """Back to back; what a slow limiter leaves undone in `patience` is dropped."""
        until = self.recorder.now() + round(self.patience * NANOSECONDS)
        for _ in range(step.count):
            if self.recorder.now() < until:
                self.acquire(step.key)
            else:
                self.recorder.dropped(self.number, step.key, intended)

    def _flood(self, flood: Flood, start: int) -> None:
        self._wait_until(start + round(flood.start * NANOSECONDS))
        until = start + round(flood.until * NANOSECONDS)
        failed = 0
        while (now := self.recorder.now()) < until:
            outcome = self.acquire(flood.key_at((now - start) / NANOSECONDS))
            failed = failed + 1 if outcome is Outcome.ERROR else 0
            if failed:
                time.sleep(min(0.05, 0.001 * failed))
            elif self.recorder.now() - now < _NO_ROUND_TRIP:
                # It did not ask Redis (a dict in the process answers in 2 µs), so that it never
                # yields: it would keep the process to itself and record a million operations.
                time.sleep(_PAUSE)

    def _wait_until(self, instant: int) -> None:
        while (left := instant - self.recorder.now()) > _SPIN:
            time.sleep((left - _SPIN) / NANOSECONDS)
        while self.recorder.now() < instant:
            let_others_go()
