"""The sequence diagram: true order, nothing unescaped, bounded, told to who does not see it."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as Tree

import pytest

from limitproof.history.outcome import Outcome
from limitproof.report.sequence import MOST_STEPS, sequence
from limitproof.report.steps import fold, in_words, visible
from limitproof.schedules import Run, Step
from tests.explorations import long_run, race, step, with_time

NASTY = '</text><script>alert("x")</script>\x00\x1b[31m\u202egnp\ud800'


def drawn(run: Run, **more: object) -> Tree.Element:
    """Parsed as XML, which is stricter than HTML: every tag closed, everything escaped."""
    text = sequence(run, name="t", title="what", about="why", **more)  # type: ignore[arg-type]
    return Tree.fromstring(text)  # noqa: S314 - our own text


def texts(element: Tree.Element, kind: str = "") -> list[str]:
    """What is written, of one class or of all."""
    found = element.iter("text")
    return [one.text or "" for one in found if not kind or kind in one.get("class", "").split()]


def on_hovering(element: Tree.Element) -> list[str]:
    return [one.text or "" for one in element.findall("./g/title") if one.text != "admitted"]


def test_commands_and_replies_are_in_the_servers_order() -> None:
    diagram = drawn(race())
    assert texts(diagram, "mono") == [
        "GET k", "nil", "(no key)",
        "GET k", "nil",
        "SETEX k 1 [7]", "OK", "k = [7] (1000 ms)",
        "SETEX k 1 [8]", "OK", "k = [8] (1000 ms)",
    ]  # fmt: skip
    numbers = [one for one in diagram.iter("text") if (one.text or "").isdigit()]
    assert [one.text for one in numbers] == ["1", "2", "3", "4"]
    assert sorted(float(one.get("y", "0")) for one in numbers) == [
        float(one.get("y", "0")) for one in numbers
    ]


def test_one_lifeline_a_client_and_one_for_redis() -> None:
    diagram = drawn(race())
    assert texts(diagram, "who") == ["client A", "client B", "Redis"]
    lifelines = [one for one in diagram.iter("path") if one.get("class") == "life"]
    assert len(lifelines) == 3


def test_an_arrow_goes_from_its_client_to_redis_and_back() -> None:
    diagram = drawn(race())
    heads = {
        "".join(one.itertext()): float(one.get("x", "0"))
        for one in diagram.iter("text")
        if one.get("class") == "who"
    }
    ways = []
    for one in diagram.iter("path"):
        if one.get("class") in ("go", "back"):
            match = re.fullmatch(r"M([\d.]+) [\d.]+H([\d.]+)", one.get("d", ""))
            assert match
            ways.append((one.get("class"), float(match[1]), float(match[2])))
    a, b, server = heads["client A"] + 3, heads["client B"] + 3, heads["Redis"]
    assert ways == [way for x in (a, b, b, a) for way in (("go", x, server), ("back", server, x))]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome.ADMITTED, "✓ admitted"),
        (Outcome.REJECTED, "✗ rejected"),
        (Outcome.ERROR, "! error"),
        (Outcome.UNKNOWN, "? unknown"),
    ],
)
def test_decisions_are_marked(outcome: Outcome, told: str) -> None:
    diagram = drawn(Run((step(0, answered=outcome),), ((outcome,),)))
    assert told in texts(diagram)


def test_it_is_told_to_those_who_do_not_see_it() -> None:
    diagram = drawn(race())
    assert diagram.get("role") == "img"
    named = [one for one in diagram if one.get("id") in diagram.get("aria-labelledby", "").split()]
    assert [(one.tag, one.text) for one in named] == [("title", "what"), ("desc", "why")]
    assert in_words(race(), 60) == (
        "1. A: GET k → nil  [(no key)]",
        "2. B: GET k → nil  [(no key)]",
        "3. B: SETEX k 1 [7] → OK => admitted  [k = [7] (1000 ms)]",
        "4. A: SETEX k 1 [8] → OK => admitted  [k = [8] (1000 ms)]",
    )


def test_its_colours_are_the_pages() -> None:
    text = sequence(race(), name="t", title="", about="")
    assert not re.search(r"#[0-9a-f]{3}|style=|fill=|stroke=", text)


def test_what_a_limiter_sends_is_escaped_everywhere() -> None:
    foreign = Step(0, (NASTY,), (NASTY,), True, True, NASTY, Outcome.ADMITTED)
    text = sequence(Run((foreign,), ()), name=NASTY, title=NASTY, about=NASTY)
    assert "<script" not in text
    assert not any(control in text for control in ("\x00", "\x1b", "\u202e", "\ud800"))
    diagram = Tree.fromstring(text)  # noqa: S314 - our own text
    assert "\\x00" in "".join(texts(diagram))
    assert re.fullmatch(
        r"seq-[A-Za-z0-9_-]+-t seq-[A-Za-z0-9_-]+-d", diagram.get("aria-labelledby", "")
    )


def test_a_long_run_is_cut_and_says_how_much_is_hidden() -> None:
    diagram = drawn(long_run(500))
    assert f"… {500 - MOST_STEPS} steps not drawn …" in texts(diagram)
    commands = texts(diagram, "sent")
    assert len(commands) == MOST_STEPS
    assert (commands[0], commands[-1]) == ("INCR k0", "INCR k499")
    assert not [text for text in texts(drawn(long_run(MOST_STEPS))) if "not drawn" in text]


@pytest.mark.parametrize("full", [True, False])
def test_it_is_bounded_whatever_a_limiter_does(full: bool) -> None:
    """500 packets of 50 commands of 100,000 characters, by 32 clients."""
    huge = tuple(f"EVAL {'x' * 100_000} {n}" for n in range(50))
    run = Run(
        tuple(
            Step(n % 32, huge, huge, True, True, f"{n} {'y' * 100_000}", Outcome.ADMITTED)
            for n in range(500)
        ),
        (),
    )  # fmt: skip
    text = sequence(run, name="t", title="", about="", most=12, full=full)
    assert len(text) < (12 * 13 * 2_500 if full else 45_000)
    assert "… 44 more" in text


def test_a_long_command_is_folded_and_whole_on_hovering() -> None:
    member = "m" * 40
    command = f"ZADD k 1 {member} {'n' * 200}"
    diagram = drawn(Run((step(0, command),), ()))
    assert on_hovering(diagram) == [command]
    assert texts(diagram, "mono")[1].endswith("…")
    assert on_hovering(drawn(Run((step(0, command),), ()), full=False)) == []
    assert on_hovering(drawn(race())) == []


def test_names_drawn_at_random_are_short_and_whole_on_hovering() -> None:
    command = "ZADD k 1 dd2fec9ae405477a9265e1775c5a50f6"
    diagram = drawn(Run((step(0, command),), ()))
    assert on_hovering(diagram) == [command]
    assert "ZADD k 1 dd2f…" in texts(diagram)


def test_many_clients_have_narrow_lanes() -> None:
    run = long_run(32, 32)
    run = replace(run, steps=tuple(replace(s, answered=Outcome.REJECTED) for s in run.steps))
    diagram = drawn(run)
    heads = texts(diagram, "who")
    assert (heads[0], heads[25:27], heads[-2:]) == ("A", ["Z", "C26"], ["C31", "Redis"])
    assert texts(diagram, "on-rejected") == ["✗"] * 32
    assert float(diagram.get("width", "0")) < 2400


def test_a_run_without_a_command_is_told() -> None:
    assert "no command was sent" in texts(drawn(Run((), ((Outcome.ADMITTED,),))))


@pytest.mark.parametrize(
    ("text", "width", "lines", "folded"),
    [
        ("", 10, 2, ((), False)),
        ("short", 10, 2, (("short",), False)),
        ("two words here", 10, 2, (("two words", "here"), False)),
        ("x" * 25, 10, 2, (("x" * 10, "x" * 9 + "…"), True)),
        ("漢字漢字漢字", 6, 2, (("漢字漢", "字漢字"), False)),
        ("漢字漢字", 1, 1, (("漢…",), True)),
    ],
)
def test_folding(text: str, width: int, lines: int, folded: tuple[tuple[str, ...], bool]) -> None:
    assert fold(text, width, lines) == folded


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert visible("a\tb\n\u200b✓ é") == "a\\tb\\n\\u200b✓ é"


def test_time_that_passes_is_a_line_of_its_own() -> None:
    diagram = drawn(with_time())
    assert texts(diagram, "clock") == ["clock + 1000 ms, gone: k"]
    assert texts(diagram, "who") == ["client A", "Redis"]
    assert texts(diagram, "mono")[2:4] == ["k = [7] (1000 ms)", "(no key)"]
    assert in_words(with_time(), 60)[1] == "2. clock + 1000 ms, gone: k  [(no key)]"


def test_a_bar_lasts_as_long_as_a_request() -> None:
    """Not as long as a client: between two requests it is at rest."""
    for run, bars in ((race(), 2), (with_time(), 2)):
        found = [one for one in drawn(run).iter("rect") if one.get("class") == "busy"]
        assert len(found) == bars
    first, second = found
    assert first.get("x") == second.get("x")
    ended = float(first.get("y", "0")) + float(first.get("height", "0"))
    assert ended < float(second.get("y", "0"))
