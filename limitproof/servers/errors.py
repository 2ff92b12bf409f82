"""What can go wrong between us and a Redis, each in one line that a person can act on."""

from __future__ import annotations


class ServerError(Exception):
    """There is no Redis to work with.

    `what` happened, with the address it happened at (never a password), and `advice`: what to do
    next. As a string it is one line.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)  # both as arguments, so that the error can be pickled
        self.what = " ".join(what.split())
        self.advice = " ".join(advice.split())

    def __str__(self) -> str:
        return f"{self.what}; {self.advice}"


class SilentServerError(ServerError):
    """It runs, and does not answer: it is busy with what somebody's limiter has sent it."""


class AddressError(ServerError, ValueError):
    """The address itself is wrong: an unknown scheme, nothing at all, a program that is absent."""
