"""The words of a run's steps: short, on one line, and safe to print."""

from __future__ import annotations

import re

from rich.cells import cell_len

from limitproof.schedules import Run, Step, letter


def short(text: str) -> str:
    """Names that a limiter draws at random are cut: dd2fec9ae405477a9265e1775c5a50f6 is dd2f…"""
    return re.sub(r"(?<![0-9a-f])(?=[0-9]*[a-f])([0-9a-f]{4})[0-9a-f]{12,}", r"\1…", text)


def visible(text: str) -> str:
    """The text with what cannot be seen escaped: controls, marks of direction, half characters."""
    if text.isprintable():  # as nearly all are; some are as long as a request
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def fold(text: str, width: int, lines: int) -> tuple[tuple[str, ...], bool]:
    """At most so many lines of at most `width` cells, and whether something was cut off.

    A line is broken at a space where its second half has one; what is cut ends in "…".
    """
    folded: list[str] = []
    rest = text.strip()
    while rest and len(folded) < lines:
        end = _fitting(rest, width)
        if end < len(rest) and (space := rest.rfind(" ", end // 2, end + 1)) > 0:
            end = space
        folded.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    if rest:
        folded[-1] = folded[-1][: _fitting(folded[-1], width - 1)] + "…"
    return tuple(folded), bool(rest)


def _fitting(text: str, width: int) -> int:
    """How many characters fit; at least one."""
    room, end = width, 0
    for character in text[: width + 1]:
        room -= cell_len(character)
        if room < 0:
            break
        end += 1
    return max(end, 1)


def drawn(steps: int, most: int) -> tuple[range, range]:
    """Which steps are shown of so many: all, or the first ones and some last ones."""
    if steps <= most:
        return range(steps), range(steps, steps)
    last = most // 3
    return range(most - last), range(steps - last, steps)


def in_words(run: Run, most: int, width: int = 200) -> tuple[str, ...]:
    """The steps as lines of text, in the server's order; `most` at most, each cut to `width`."""
    first, last = drawn(len(run.steps), most)
    lines = [_line(number, run.steps[number], width) for number in first]
    if last:
        lines.append(f"… {last.start - first.stop:,} steps not shown")
    return (*lines, *(_line(number, run.steps[number], width) for number in last))


def clock_moved(step: Step) -> str:
    """What a step in which only time passed is called; "" for any other step."""
    if not step.moved:
        return ""
    gone = f", gone: {', '.join(step.gone)}" if step.gone else ""
    return visible(f"clock + {step.moved / 1000:g} ms{gone}")


def _line(number: int, step: Step, width: int) -> str:
    sent = "; ".join(
        f"{short(command)} → {short(reply)}"
        for command, reply in zip(step.commands, step.replies, strict=False)
    )
    told = "" if step.answered is None else f" => {step.answered.name.lower()}"
    state = f"  [{short(step.state)}]"
    who = clock_moved(step) or visible(f"{letter(step.client)}: {sent}")
    (line,), _ = fold(f"{number + 1}. {who}{told}{visible(state)}", width, 1)
    return line
