"""An exploration on the terminal and as a page."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from limitproof.check.interleavings import judgement_of, with_explorations
from limitproof.check.verdict import Judgement
from limitproof.explored import Explored
from limitproof.report.counterexamples import diagrams, in_short
from limitproof.report.exploration import show, write_page
from limitproof.report.html import LARGEST
from limitproof.report.interleaving import columns
from tests.explorations import counterexample, explored, long_run
from tests.report.runs import judged
from tests.report.test_html import ADDRESSES, NASTY, Page, page_of

RACE = explored(counterexample())
UNFINISHED = explored(complete=False, doubt="stopped after 2 s", unfinished=True)


def page(one: Explored, folder: Path, **more: str) -> tuple[Page, str]:
    text = write_page(one, folder, **more).read_text(encoding="utf-8")
    parsed = Page(text)
    assert parsed.open == []
    return parsed, text


def printed(one: Explored, *, verbose: bool = False) -> str:
    out = io.StringIO()
    show(Console(file=out, width=160), one, Path("results/x"), verbose=verbose)
    return out.getvalue()


def test_the_page_has_the_diagram_and_all_that_belongs_to_it(tmp_path: Path) -> None:
    found, _ = page(RACE, tmp_path)
    (diagram,) = found.all("svg")
    assert diagram["class"] == "seq"
    assert RACE.overshoot is not None
    for words in (
        "overshoot, 1 over the limit: 4 steps, 2 context switches",
        "because A and B both read (GET) before either wrote (SETEX)",
        "24 of 24 schedules overshoot (100 %)",
        "all 5 states, which stand for 24 schedules, in 0.25 s",
        f"limitproof replay {tmp_path}/{RACE.overshoot.file}",
        f"Schedule {RACE.overshoot.schedule.token} ,",
        "3. B: SETEX k 1 [7] → OK => admitted",
        "1 over a limit of 1",
        "redis 8.2.3",
    ):
        assert words in found.text, words


def test_a_clean_limiter_has_a_page_without_a_diagram(tmp_path: Path) -> None:
    found, _ = page(explored(), tmp_path)
    assert not found.all("svg")
    assert "none in all 5 states" in found.text


def test_an_early_end_is_told(tmp_path: Path) -> None:
    found, _ = page(UNFINISHED, tmp_path, stopped="stopped by Ctrl-C")
    assert "Ended early: stopped by Ctrl-C" in found.text
    assert "stopped after 2 s" in found.text


def test_the_page_asks_nobody_and_escapes_everything(tmp_path: Path) -> None:
    foreign = explored(
        counterexample(because=NASTY), limiter=NASTY, sentence=NASTY, doubt=NASTY, strategy=NASTY,
        server={"name": NASTY},
    )  # fmt: skip
    found, text = page(foreign, tmp_path, stopped=NASTY)
    assert "<script" not in text
    assert found.text.count(NASTY) >= 6
    assert "default-src 'none'" in text
    assert "url(" not in text
    for _, attributes in found.tags:
        for name in ADDRESSES & set(attributes):
            assert (attributes[name] or "").startswith("data:")


def test_a_page_of_huge_runs_stays_below_a_megabyte(tmp_path: Path) -> None:
    run = long_run(500)
    long = [
        type(step)(step.client, (f"EVAL {'é<' * 5000}",) * 50, ("&" * 5000,) * 50, True, True,
                   f"{number}{'>' * 5000}")
        for number, step in enumerate(run.steps)
    ]  # fmt: skip
    shown = counterexample(type(run)(tuple(long), run.answers))
    _, text = page(explored(shown, counterexample(run, "false-rejection")), tmp_path)
    assert len(text.encode()) <= LARGEST
    assert "steps not drawn" in text


def test_a_limiter_of_a_run_has_its_diagram_in_the_report() -> None:
    one = judged("mine", overshoot=2)
    whole = with_explorations(one.judgement, [RACE])
    run = type(one)(
        one.limiter, "", one.history, whole, Path("results/x/mine"), explored=(RACE, UNFINISHED),
        missed="has a race that exploring does not show",
    )  # fmt: skip
    found = page_of([run, judged("lua_atomic")])
    assert [svg.get("class") for svg in found.all("svg")].count("seq") == 1
    assert "limitproof replay results/x/mine/schedules/" in found.text
    assert "race, 4 steps" in found.text
    assert "explored overshoot 1" in found.text
    assert "mine has a race that exploring does not show." in found.text
    assert "explored" not in page_of([judged("lua_atomic")]).text


def test_only_what_a_check_names_is_drawn() -> None:
    assert len(diagrams([RACE], judgement_of(RACE), Path())) == 1
    assert diagrams([RACE], judgement_of(explored()), Path()) == ()
    assert diagrams([], Judgement("x", {}, 0, {}, ()), Path()) == ()


@pytest.mark.parametrize(
    ("explorations", "told"),
    [
        ((), "-"),
        ((RACE,), "race, 4 steps"),
        ((explored(), UNFINISHED), "5 states"),
        ((UNFINISHED,), "unfinished"),
        ((explored(strategy="none", complete=False, doubt="not simulated"),), "not explored"),
        ((explored(counterexample(long_run(3), sequential=True)),), "algorithm, 3 steps"),
    ],
)
def test_a_cell_of_the_table(explorations: tuple[Explored, ...], told: str) -> None:
    assert in_short(explorations) == told


def test_the_terminal_shows_the_smallest_and_more_when_asked() -> None:
    both = explored(counterexample(), counterexample(long_run(200), "false-rejection"))
    assert "false-rejection: 200 steps" not in printed(both)
    told = printed(both, verbose=True)
    assert "false-rejection: 200 steps" in told
    assert "80 steps in the middle are not shown" in told
    assert "INCR k199" in told
    assert "INCR k100" not in told
    assert "not complete: stopped after 2 s" in printed(UNFINISHED)


def test_many_clients_share_a_column() -> None:
    """Side by side, twelve would have a letter or two a line each."""
    out = io.StringIO()
    Console(file=out, width=100).print(columns(long_run(14, clients=12)))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines[0].split() == ["who", "sends", "→", "is", "told", "keys", "after", "it"]
    assert lines[12].split() == ["12", "L", "INCR", "k11", "→", "11", "k", "=", "11"]
    assert lines[13].split() == ["13", "A", "INCR", "k12", "→", "12", "k", "=", "12"]
    assert len(lines) == 15
