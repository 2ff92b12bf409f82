"""One sentence on a counterexample: who read what before whom wrote."""

from __future__ import annotations

from collections.abc import Iterable

from limitproof.history.columns import Outcome
from limitproof.schedules import Run, Step

OVERWRITING = frozenset({"SET", "SETEX", "PSETEX", "GETSET", "HSET", "ZADD"})


def name_of(client: int) -> str:
    """A, B, … Z, then C26, C27, …"""
    return chr(ord("A") + client) if client < 26 else f"C{client}"


def overshoot_because(run: Run, limit: int, *, sequential: bool) -> str:
    """Why more than the limit were admitted in this run."""
    admitted = sum(step.answered is Outcome.ADMITTED for step in run.steps)
    told = sum(answers.count(Outcome.ADMITTED) for answers in run.answers)
    total = max(admitted, told)
    if sequential or run.switches == 0:
        return f"{total} were admitted for a limit of {limit}, one client after the other"
    why = _both_read(run) or _overwrote(run) or "their commands took turns"
    return f"{why}: {total} were admitted for a limit of {limit}"


def refusal_because(run: Run, limit: int) -> str:
    """Why somebody was refused while there was room."""
    refused = sorted({s.client for s in run.steps if s.answered is Outcome.REJECTED})
    admitted = sum(answers.count(Outcome.ADMITTED) for answers in run.answers)
    for one in refused:
        for other in refused:
            if one < other and (mutual := _counted_each_other(run, one, other)):
                return f"{mutual}: {_number(admitted)} admitted for a limit of {limit}"
    who = _list(map(name_of, refused)) if refused else "everybody"
    verb = "was" if len(refused) == 1 else "were"
    return f"{who} {verb} refused, though {_number(admitted)} admitted for a limit of {limit}"


def _both_read(run: Run) -> str:
    """The clients that had all read before the first of them wrote."""
    reads = {client: _read_before_write(run, client) for client in dict.fromkeys(run.choices)}
    pairs = {c: found for c, found in reads.items() if found is not None}
    for reader, (read, wrote) in pairs.items():
        both = [o for o, (r, w) in pairs.items() if o != reader and r < wrote and read < w]
        if both:
            who = sorted([reader, *both])
            last = min(pairs[c][1] for c in who)
            who = [c for c in who if pairs[c][0] < last]
            if len(who) > 1:
                how, did = _verb(run.steps[read]), _verb(run.steps[wrote])
                every, either = ("both", "either") if len(who) == 2 else ("all", "any")
                them = _list(map(name_of, who))
                return f"{them} {every} read ({how}) before {either} wrote ({did})"
    return ""


def _overwrote(run: Run) -> str:
    """A client that wrote over what another had written since it read."""
    for index, step in enumerate(run.steps):
        if not _changed(run, index):
            continue
        own = [i for i in range(index) if run.steps[i].client == step.client]
        read = next((i for i in reversed(own) if run.steps[i].reads), None)
        if read is None:
            continue
        for between in range(index - 1, read, -1):
            other = run.steps[between]
            if other.client != step.client and _changed(run, between):
                return (
                    f"{name_of(step.client)} read ({_verb(run.steps[read])}), then "
                    f"{name_of(other.client)} wrote ({_verb(other)}), then "
                    f"{name_of(step.client)} wrote over it ({_verb(step)})"
                )
    return ""


def _read_before_write(run: Run, client: int) -> tuple[int, int] | None:
    """The first change that a client made after a read of its own, and that read."""
    read = None
    for index, step in enumerate(run.steps):
        if step.client != client:
            continue
        if read is not None and _changed(run, index):
            return read, index
        if step.reads and not (step.writes and _changed(run, index)):
            read = index
    return None


def _counted_each_other(run: Run, one: int, other: int) -> str:
    wrote = {c: next((i for i in _of(run, c) if _changed(run, i)), None) for c in (one, other)}
    w1, w2, r1, r2 = wrote[one], wrote[other], _count_after(run, one), _count_after(run, other)
    if w1 is None or w2 is None or r1 is None or r2 is None or w1 > r2 or w2 > r1:
        return ""
    did, how = _verb(run.steps[w1]), _verb(run.steps[r1])
    who = f"{name_of(one)} and {name_of(other)}"
    return f"{who} both wrote ({did}) before either counted ({how}), and refused each other"


def _count_after(run: Run, client: int) -> int | None:
    """A client's first read after its own first change."""
    changed = False
    for index in _of(run, client):
        if changed and run.steps[index].reads:
            return index
        changed |= _changed(run, index)
    return None


def _of(run: Run, client: int) -> list[int]:
    return [index for index, step in enumerate(run.steps) if step.client == client]


def _changed(run: Run, index: int) -> bool:
    """Whether a step changed a key, or wrote over one what had stood there by chance."""
    step = run.steps[index]
    before = run.steps[index - 1].state if index else "(no key)"
    return step.writes and (step.state != before or bool(OVERWRITING & set(_names(step))))


def _verb(step: Step) -> str:
    """The commands that did it, by name."""
    names = _names(step)
    if len(names) == 1:
        return names[0] if not names[0].startswith("<") else "script"
    return f"pipeline of {len(names)}"


def _names(step: Step) -> list[str]:
    return [command.partition(" ")[0] for command in step.commands]


def _list(names: Iterable[str]) -> str:
    first = list(names)
    return first[0] if len(first) == 1 else f"{', '.join(first[:-1])} and {first[-1]}"


def _number(count: int) -> str:
    return {0: "nobody was", 1: "only one was"}.get(count, f"only {count} were")
