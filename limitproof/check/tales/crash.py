"""`crash`: a client that dies between two of its commands harms nobody for longer than a window."""

from __future__ import annotations

from limitproof.check.tales.acts import (
    acts,
    admitted,
    excess,
    first_fault,
    immortal,
    promise_of_story,
    shown_key,
    steps_before,
    window_of,
)
from limitproof.check.tales.aftermath import blocked, lost_places
from limitproof.stories import Story, Tale


def crash(tale: Tale, story: Story) -> str:
    """Why the death of a client is held against the limiter; "" when it is not.

    Two acts: in the first a client dies, in the second it never came. After it the same requests
    are sent, at the same instants. Judged is what differs: a key that stays for ever; more admitted
    than promised; more than one place lost to the dead request; a request refused, or never
    answered, after the long wait.
    """
    parts, place = acts(tale), first_fault(story)
    if place is None or len(parts) != 2:
        return ""
    fallen, calm = parts
    steps = steps_before(story, place)
    died = f"a client dies after {steps} step{'s' * (steps != 1)}"
    kept = immortal(fallen) - immortal(calm)
    if kept:
        return f"{died} and leaves {shown_key(min(kept))} without a TTL: it never expires"
    promise = promise_of_story(story)
    if excess(fallen.operations, promise) and not excess(calm.operations, promise):
        return f"{died}; then {admitted(fallen.operations)} are admitted, more than promised"
    after = [one for one in fallen.operations if one.place > place]
    same = list(calm.operations[len(calm.operations) - len(after) :])
    window = window_of(story)
    if told := blocked(after, same, window):
        return f"{died}; {told}"
    lost = lost_places(after, same, window)
    own = next(one for one in reversed(fallen.operations) if one.place < place)
    if lost <= own.weight:
        return ""
    cost = f" of cost {own.cost}" if own.weight > 1 else ""
    return f"{died}, and {lost} places are gone for one request{cost}"
