"""Limiters of other kinds: each keeps what it promises, which a suite must not deny.

They are found by name and judged like any other. `limitproof run` without a TARGET leaves them
out: its table compares the five families with their specimens.
"""

from __future__ import annotations

from limiters.entry import Entry, failing

OTHERS: tuple[Entry, ...] = (
    Entry(
        name="gcra",
        family=None,
        kind="other",
        factory="limiters.gcra:Gcra",
        written_by="limitproof",
        summary="promises a token bucket; a request whose reply is lost is not sent again",
        source="ITU-T I.371, the virtual scheduling algorithm",
        reference="",
        fails=failing(),
    ),
    Entry(
        name="token_bucket",
        family=None,
        kind="other",
        factory="limiters.token_bucket:TokenBucket",
        written_by="limitproof",
        summary="promises a token bucket; a request whose reply is lost is not sent again",
        source="Turner, New directions in communications (1986)",
        reference="",
        fails=failing(),
    ),
    Entry(
        name="list_window",
        family=None,
        kind="other",
        factory="limiters.list_window:ListWindow",
        written_by="limitproof",
        summary="exact; a request whose reply is lost is not sent again",
        source="the limit-th newest of a list",
        reference="",
        fails=failing(),
    ),
    Entry(
        name="watch_multi",
        family=None,
        kind="other",
        factory="limiters.watch_multi:WatchMulti",
        written_by="limitproof",
        summary="exact without Lua: decides on the client, and begins anew when another was faster",
        source="https://redis.io/docs/latest/develop/using-commands/transactions/",
        reference="",
        fails=failing(),
    ),
    Entry(
        name="two_bucket",
        family=None,
        kind="other",
        factory="limiters.two_bucket:TwoBucket",
        written_by="limitproof",
        summary="an estimate: up to 2 * limit - 1 in a window, and refusals where there is room",
        source="https://blog.cloudflare.com/counting-things-a-lot-of-different-things/",
        reference="",
        # As a token bucket as well: what was admitted a window ago still counts in full. So it
        # tells less than a bucket leaves: 1 of 4 after two requests at 0 and one at 252 ms, not 2.
        fails=failing(algorithm=("false-rejection", "remaining")),
    ),
)
