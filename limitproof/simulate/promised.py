"""What a limiter promises, as the measure that explorations judge it by."""

from __future__ import annotations

from limiters.promise import promise_of
from limitproof.check.yardstick import Yardstick
from limitproof.promises import parse_promise
from limitproof.simulate.cast import Cast
from limitproof.simulate.refusal import RefusedError


def yardstick_of(cast: Cast) -> Yardstick:
    """The measure of the promise to judge by. Raises RefusedError when that is no promise."""
    try:
        if cast.promise:
            return Yardstick.of(parse_promise(cast.promise, cast.quota))
        return Yardstick.of(promise_of(cast.target.factory, cast.quota))
    except (TypeError, ValueError) as error:
        raise RefusedError(f"its promise cannot be judged: {error}") from error
