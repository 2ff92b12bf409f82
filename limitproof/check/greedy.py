"""Witnesses by greed: an instant for every admission, so that no window holds more than a limit.

The k-th admission of some order gets the first instant that its interval and the admission
`limit` places before it allow: t_k = max(start_k, t_(k-limit) + window). What is found is a proof
that the limit may have been kept; what is not found proves nothing.
"""

from __future__ import annotations

import numpy as np

from limitproof.check.intervals import FURTHEST
from limitproof.history.columns import Int64s


def in_order(start: Int64s, cluster_sizes: Int64s, window: int, limit: int) -> Int64s | None:
    """The instants of admissions taken in the order given, cluster by cluster (int64 ns).

    `cluster_sizes` cuts the columns into stretches that do not see each other. Within a residue
    class k mod `limit` the recurrence is a running maximum of start_k − row·window, row = k
    // limit, which numpy does at once. None when the numbers would leave int64.
    """
    rows = -(-cluster_sizes // limit)
    base = np.concatenate(([0], np.cumsum(rows)[:-1]))
    first = np.concatenate(([0], np.cumsum(cluster_sizes)[:-1]))
    total = int(rows.sum())
    low = np.minimum.reduceat(start, first)
    # clusters are moved apart so far that one which runs late cannot push the next
    spread = np.maximum.reduceat(start, first) - low + (rows + 1) * window
    if float(total) * window + float(spread.astype(np.float64).sum()) > FURTHEST:
        return None
    moved = np.concatenate(([0], np.cumsum(spread)[:-1])) - low
    place = np.arange(len(start)) + np.repeat(base * limit - first, cluster_sizes)
    grid = np.full(total * limit, -FURTHEST, dtype=np.int64)
    row = place // limit
    grid[place] = start + np.repeat(moved, cluster_sizes) - row * window
    table = grid.reshape(total, limit)
    np.maximum.accumulate(table, axis=0, out=table)
    instants = grid[place] + row * window
    instants -= np.repeat(moved, cluster_sizes)
    return np.asarray(instants, dtype=np.int64)
