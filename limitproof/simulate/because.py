"""One sentence on a counterexample: who read what before whom wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from limitproof.check.instants import asked_of, with_room
from limitproof.check.yardstick import Yardstick
from limitproof.history.outcome import Outcome
from limitproof.schedules import Run, Step, letter
from limitproof.simulate.search.ends import Told

CONDITIONS = frozenset({"NX", "XX", "IFEQ", "IFNE"})
OVERWRITING = frozenset({"SET", "SETEX", "PSETEX", "GETSET", "HSET", "ZADD"})


def because_of(
    run: Run,
    check: str,
    yardstick: Yardstick,
    told: Sequence[Sequence[Told]],
    *,
    sequential: bool,
) -> str:
    """Why a check fails on this run; told: the decisions that each client was given."""
    match check:
        case "overshoot":
            return overshoot_because(run, yardstick.limit, sequential=sequential)
        case "false-rejection":
            return refusal_because(run, yardstick)
        case "contract":
            return error_because(run, sequential=sequential)
    return disorder_because(run, told)


def overshoot_because(run: Run, limit: int, *, sequential: bool) -> str:
    """Why more than the limit were admitted in this run."""
    admitted = sum(step.answered is Outcome.ADMITTED for step in run.steps)
    told = sum(answers.count(Outcome.ADMITTED) for answers in run.answers)
    total = max(admitted, told)
    if sequential or not (run.switches or any(step.moved for step in run.steps)):
        return f"{total} were admitted for a limit of {limit}, one client after the other"
    return f"{_why(run)}: {total} were admitted for a limit of {limit}"


def error_because(run: Run, *, sequential: bool) -> str:
    """Why a limiter gave no Decision in this run."""
    said = run.errors[0] if run.errors else "no Decision"
    failed = [s.client for s in run.steps if s.answered is Outcome.ERROR]
    who = letter(failed[0]) if failed else "a client"
    if sequential:
        return f"{who} was answered with {said}, one client after the other"
    return f"{_why(run)}: {who} was answered with {said}"


def disorder_because(run: Run, told: Sequence[Sequence[Told]]) -> str:
    """Why no order of the requests one after the other ends as this run."""
    ends = "; ".join(
        f"{letter(client)} {' and '.join(map(str, said))}" for client, said in enumerate(told)
    )
    left = run.steps[-1].state if run.steps else ""
    return f"{_why(run)}: no order of the requests, one after the other, ends so ({ends}; {left})"


def refusal_because(run: Run, yardstick: Yardstick) -> str:
    """Why somebody was refused while there was room."""
    limit = yardstick.limit
    if any(step.moved for step in run.steps):
        return _refused_later(run, yardstick)
    refused = sorted({s.client for s in run.steps if s.answered is Outcome.REJECTED})
    admitted = sum(answers.count(Outcome.ADMITTED) for answers in run.answers)
    for one in refused:
        for other in refused:
            if one < other and (mutual := _counted_each_other(run, one, other)):
                return f"{mutual}: {_number(admitted)} admitted for a limit of {limit}"
    who = _list(map(letter, refused)) if refused else "everybody"
    verb = "was" if len(refused) == 1 else "were"
    return f"{who} {verb} refused, though {_number(admitted)} admitted for a limit of {limit}"


def _refused_later(run: Run, yardstick: Yardstick) -> str:
    """The same where time has passed: who was refused in vain, and what stood in the way."""
    requests = asked_of(run.answers, run.spans)
    owners = [client for client, answers in enumerate(run.answers) for _ in answers]
    vain = [
        client
        for client, one in zip(owners, requests, strict=True)
        if with_room(one, requests, yardstick)
    ]
    if not vain:
        return "somebody was refused, though there was room"
    who = vain[0]
    few = "nobody was" if yardstick.limit == 1 else f"fewer than {yardstick.limit} were"
    said = f"{letter(who)} was refused, though {few} admitted within "
    said += f"{yardstick.window / 1e9:g} s before"
    first = next(i for i in _of(run, who) if run.steps[i].answered is Outcome.REJECTED)
    others = {
        run.steps[i].client
        for i in range(first)
        if run.steps[i].client not in (who, *_admitted(run)) and _changed(run, i)
    }
    if others:
        them = _list(map(letter, sorted(others)))
        said += f": it counted what {them}, refused as well, had written"
    meanwhile = _gone_meanwhile(run)
    return f"{meanwhile}; {said}" if meanwhile else said


def _admitted(run: Run) -> list[int]:
    return [client for client, told in enumerate(run.answers) if Outcome.ADMITTED in told]


def _why(run: Run) -> str:
    """What came between what."""
    known = _gone_meanwhile(run) or _both_read(run) or _overwrote(run) or _time_passed(run)
    return known or "their commands took turns"


def _gone_meanwhile(run: Run) -> str:
    """A key that expired while a client was between two commands of one request."""
    for index, step in enumerate(run.steps):
        if not step.gone:
            continue
        for client in run.clients:
            if (around := _around(run, client, index)) is not None:
                before, after = (run.steps[place] for place in around)
                keys = _list(step.gone)
                return (
                    f"{letter(client)} {_did(before)} ({_verb(before)}), then {keys} expired, "
                    f"then {letter(client)} {_did(after)} ({_verb(after)})"
                )
    return ""


def _time_passed(run: Run) -> str:
    """A client that the clock has overtaken between two commands of one request."""
    for index, step in enumerate(run.steps):
        if not step.moved:
            continue
        for client in run.clients:
            if (around := _around(run, client, index)) is not None:
                before, after = (run.steps[place] for place in around)
                return (
                    f"{step.moved / 1000:g} ms passed between what {letter(client)} "
                    f"{_did(before)} ({_verb(before)}) and {_did(after)} ({_verb(after)})"
                )
    return ""


def _around(run: Run, client: int, index: int) -> tuple[int, int] | None:
    """A client's steps before and after another one, where both are of one request."""
    own = _of(run, client)
    before = [one for one in own if one < index]
    after = [one for one in own if one > index]
    if not before or not after or run.steps[before[-1]].answered is not None:
        return None
    return before[-1], after[0]


def _did(step: Step) -> str:
    return "wrote" if step.writes else "read"


def _both_read(run: Run) -> str:
    """The clients that had all read before the first of them wrote."""
    reads = {client: _read_before_write(run, client) for client in dict.fromkeys(run.clients)}
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
                them = _list(map(letter, who))
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
                    f"{letter(step.client)} read ({_verb(run.steps[read])}), then "
                    f"{letter(other.client)} wrote ({_verb(other)}), then "
                    f"{letter(step.client)} wrote over it ({_verb(step)})"
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
    who = f"{letter(one)} and {letter(other)}"
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
    if not step.writes or step.state != before:
        return step.writes
    replies = (*step.replies, *("",) * len(step.commands))
    return any(_overwrites(*one) for one in zip(step.commands, replies, strict=False))


def _overwrites(command: str, reply: str) -> bool:
    """Whether a command that left all as it was wrote it all the same."""
    name, *words = command.split(" ")
    if name == "SET" and not CONDITIONS.isdisjoint(map(str.upper, words[2:])):
        return reply == "OK"  # with GET it tells what was there, and a change would be seen
    return name in OVERWRITING


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
