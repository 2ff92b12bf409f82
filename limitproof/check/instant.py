"""Overshoot and false rejection where every request falls into one instant: a plain count."""

from __future__ import annotations

from collections.abc import Iterable

from limitproof.history.outcome import Outcome


def overshoot_at_once(answers: Iterable[Iterable[Outcome]], limit: int) -> int:
    """Admitted beyond `limit`, of all clients together; never below 0.

    One instant lies in one window, whatever the promise: a sliding or fixed window allows its
    limit, a token bucket its burst.
    """
    admitted = sum(one is Outcome.ADMITTED for client in answers for one in client)
    return max(0, admitted - limit)


def refused_with_room(answers: Iterable[Iterable[Outcome]], limit: int) -> bool:
    """When all is over: somebody was refused although fewer than `limit` were ever admitted."""
    told = [one for client in answers for one in client]
    return Outcome.REJECTED in told and told.count(Outcome.ADMITTED) < limit
