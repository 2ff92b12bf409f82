"""`lost-reply`: a reply that is lost costs at most the one request that it answered."""

from __future__ import annotations

from limitproof.check.tales.acts import (
    acts,
    admitted,
    answer,
    excess,
    first_fault,
    killed,
    promise_of_story,
    steps_before,
    window_of,
)
from limitproof.check.tales.aftermath import blocked, lost_places
from limitproof.stories import Lose, Story, Tale


def lost_reply(tale: Tale, story: Story) -> str:
    """Why a lost reply, or a lost command, is held against the limiter; "" when it is not.

    Two acts: in the first the connection breaks during a request, in the second that request never
    came. After it the same requests are sent, at the same instants. The client does not know what
    became of its request, so that either answer is right. Judged is: more admitted than promised,
    more than one place gone, a request refused or never answered after the long wait.
    """
    parts, place = acts(tale), first_fault(story)
    if place is None or len(parts) != 2:
        return ""
    broken, calm = parts
    event, steps = story.events[place], steps_before(story, place)
    what = "the reply to" if isinstance(event, Lose) else "what is sent in"
    lost = f"{what} step {steps + 1} of a request is lost"
    own = next(one for one in reversed(broken.operations) if one.place < place)
    if killed(own):
        return f"{lost}, and it waits without end"
    promise = promise_of_story(story)
    if excess(broken.operations, promise) and not excess(calm.operations, promise):
        return f"{lost}; then {admitted(broken.operations)} are admitted, more than promised"
    after = [one for one in broken.operations if one.place > place]
    same = list(calm.operations[len(calm.operations) - len(after) :])
    window = window_of(story)
    if told := blocked(after, same, window):
        return f"{lost}; {told}"
    debit = lost_places(after, same, window)
    if debit > own.weight:
        one = "one" if own.weight == 1 else f"one of cost {own.cost}"
        return f"{lost}; the request {answer(own)}, and {debit} places are gone for {one}"
    return ""
