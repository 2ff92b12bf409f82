"""Read a JSON list, decide on the client, write the list back."""

from __future__ import annotations

import json

from limiters.base import ClientClockLimiter, send
from limiters.contract import Decision


class GetSetJson(ClientClockLimiter):
    """Right for one client at a time; concurrent writers lose each other's requests.

    Limit 1: A reads an empty list, B reads an empty list, both write and both are admitted. With
    n clients, n are admitted and the last to write leaves a list of one.
    """

    def acquire(self, key: str) -> Decision:
        """Two round trips, GET and SETEX; one when refused."""
        now = self.now()
        stored = self.client.get(key)
        admitted: list[int] = json.loads(stored) if stored is not None else []
        recent = [instant for instant in admitted if instant > now - self.window]
        if len(recent) >= self.limit:
            return Decision(False, self.left(len(recent)), (recent[0] + self.window - now) / 1000)
        recent.append(now)
        text = json.dumps(recent, separators=(",", ":"))
        send(self.client, "SETEX", key, self.whole_seconds, text)
        return Decision(True, self.left(len(recent)))
