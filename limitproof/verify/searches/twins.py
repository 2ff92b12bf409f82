"""The second act of a story: the first with one thing changed, to be compared with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from limitproof.history.outcome import Outcome
from limitproof.stories import Ask, Event, Finish, Operation, Tale

Twin = Callable[[Tale, Sequence[Event]], list[Event] | None]


def without_refused(tale: Tale, events: Sequence[Event]) -> list[Event] | None:
    """Without what was refused before the last refusal; None where that leaves nothing out."""
    refused = [one for one in tale.operations if one.outcome is Outcome.REJECTED]
    if len(refused) < 2:
        return None
    return _changed(events, {one.place: (one, []) for one in refused[:-1]})


def one_by_one(tale: Tale, events: Sequence[Event]) -> list[Event] | None:
    """Each admitted cost as so many single requests, each refused one left out."""
    costs = [one for one in tale.operations if one.cost is not None]
    if not costs or any(one.outcome is Outcome.ERROR for one in costs):
        return None
    changes: dict[int, tuple[Operation, list[Event]]] = {}
    for one in costs:
        single: list[Event] = [Ask(one.client, one.key)]
        if one.over != one.place:  # else it is over as soon as it is asked
            single.append(Finish(one.client))
        times = one.weight if one.outcome is Outcome.ADMITTED else 0
        changes[one.place] = one, single * times
    return _changed(events, changes)


TWINS: Mapping[str, Twin] = {"contamination": without_refused, "weights": one_by_one}
"""By check. Only for stories in which one request is over before the next begins."""


def _changed(
    events: Sequence[Event], changes: Mapping[int, tuple[Operation, list[Event]]]
) -> list[Event]:
    """The events with each of some requests, told by its place, replaced."""
    act: list[Event] = []
    skipped = -1
    for place, event in enumerate(events):
        if place in changes:
            one, instead = changes[place]
            skipped = place if one.over is None else one.over
            act += instead
        elif place > skipped or not hasattr(event, "client"):
            act.append(event)
    return act
