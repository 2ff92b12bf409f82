"""What a person reads on the terminal, and a program in the JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from limitproof.check.judgement_json import summary
from limitproof.check.verdict import CheckResult, Judgement, Verdict
from limitproof.events import LimiterJudged, RunFinished, RunStarted
from limitproof.report.console import console_for, styled
from limitproof.report.json_listener import JsonFile
from limitproof.report.limiters_table import limiters_table
from limitproof.report.numbers import count, si
from limitproof.report.summary import busiest_rate, line_of, open_loop
from limitproof.report.table import checks_table
from limitproof.report.terminal import Terminal
from tests.report.runs import history, judged, three

SNAPSHOTS = Path(__file__).parent.parent / "snapshots"


def plain(*, width: int = 160) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, color_system=None, highlight=False), out


def shown(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def test_the_table_reads_as_it_always_did() -> None:
    console, out = plain()
    fixed = judged("fixed_window", overshoot=4, promise={"kind": "fixed"})
    console.print(limiters_table([*three(), fixed]))
    console.print(checks_table(three()[1].judgement))
    expected = (SNAPSHOTS / "limiters_table.txt").read_text(encoding="utf-8")
    assert shown(out.getvalue()) == expected


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_a_narrow_table_leaves_columns_out_and_cuts_nothing(width: int) -> None:
    console, out = plain(width=width)
    console.print(limiters_table(three(), width))
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert all(len(line) <= width for line in lines)
    assert "…" not in out.getvalue()
    for line, one in zip(lines[1:], three(), strict=True):
        assert line.split()[:2] == [one.limiter, one.judgement.verdict.value]


def test_a_run_of_registered_limiters_is_told_to_be_wrong_on_purpose() -> None:
    known = tuple(replace(one, registered=True, surprises=()) for one in three())
    assert "each does what is known of it" in told(known)
    assert "1 against what is known of them" in told((*known[:2], replace(known[2], missed="x")))


def test_limiters_that_were_not_reached_are_named() -> None:
    console, out = plain()
    with Terminal(console, quiet=False, verbose=False, single=False) as terminal:
        terminal.handle(RunStarted(("lua_atomic", "mine.py:Mine"), 9.4, "redis", Path("run")))
        terminal.handle(RunFinished(Path("run"), three()[:1], "stopped by Ctrl-C"))
    assert "not run: mine.py:Mine" in out.getvalue()


def test_only_what_did_not_pass_is_told_unless_asked() -> None:
    console, out = plain()
    console.print(checks_table(three()[1].judgement, verbose=False))
    assert "overshoot" in out.getvalue()
    assert "memory" not in out.getvalue()


def test_of_one_that_passes_all_a_line_is_told() -> None:
    console, out = plain()
    passed = CheckResult("contract", Verdict.PASS, "each request got a Decision")
    name = "lua_conditional_client_clock"
    console.print(checks_table(Judgement(name, {}, 0, {}, (passed,)), verbose=False))
    assert out.getvalue() == f"{name}: pass\n"


def test_brackets_of_a_limiter_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    told = "ValueError: [/red] no [bold] :warning:"
    failed = CheckResult("contract", Verdict.FAIL, told)
    console_for().print(checks_table(Judgement("[/x]", {}, 0, {}, (failed,))))
    out = capsys.readouterr().out
    assert told in out
    assert "[/x]: fail" in out


class Screen(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("asked", [True, False])
def test_no_color_leaves_no_escape_at_all(monkeypatch: pytest.MonkeyPatch, asked: bool) -> None:
    """No bold, and no cursor that moves, either."""
    screen = Screen()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if asked:
        monkeypatch.setenv("NO_COLOR", "1")
    console = console_for()
    with Terminal(console, quiet=False, verbose=False, single=True) as terminal:
        terminal.handle(RunStarted(("x",), 9.4, "redis", Path("run")))
        terminal.handle(RunFinished(Path("run"), three()[1:2]))
    with console.status("reading"):
        console.print(styled(Verdict.FAIL))
    assert ("\x1b" in screen.getvalue()) is not asked
    assert "verdict: fail" in screen.getvalue() or not asked
    assert console.width == 90


def test_lines_are_plain_and_wide_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = console_for()
    assert console.width == 160
    console.print(limiters_table(three()))
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert not [line for line in printed.splitlines() if line != line.rstrip()]
    assert all(len(line) <= 160 for line in printed.splitlines())


def told(run: tuple[LimiterJudged, ...], *, quiet: bool = False, stopped: str = "") -> str:
    console, out = plain()
    names = tuple(one.limiter for one in run)
    with Terminal(console, quiet=quiet, verbose=False, single=len(run) == 1) as terminal:
        terminal.handle(RunStarted(names, 9.4, "redis 8.2.3", Path("results/run")))
        for one in run:
            terminal.handle(one)
        terminal.handle(RunFinished(Path("results/run"), run, stopped))
    return out.getvalue()


def test_a_run_ends_with_the_table_and_the_path_of_the_page() -> None:
    text = told(three())
    assert text.startswith("3 limiters on redis 8.2.3, about 9 s\n")
    assert "no_prune fails memory, which the registry does not know" in text
    assert "2 of 3 limiters fail\n" in text
    assert text.endswith("verdict: fail\n")
    assert "report: results/run/report.html" in text


def test_a_single_limiter_is_told_check_by_check() -> None:
    text = told(three()[1:2])
    assert "16 were admitted within one window" in text
    assert text.rstrip().endswith("verdict: fail")


def test_an_early_end_is_told_even_when_quiet() -> None:
    text = told(three(), quiet=True, stopped="Ctrl-C")
    assert "ended early: Ctrl-C" in text
    assert "overshoot" not in text


def test_a_line_holds_the_figures_of_the_judgement() -> None:
    line = line_of(judged("x", overshoot=6))
    assert (line.overshoot, line.possible, line.ratio, line.excess) == (6, 8, 1.6, 18)
    assert (line.verdict, line.cause, line.failed) == (Verdict.FAIL, "race", ("overshoot",))
    assert line.beyond_sliding is None
    assert line_of(judged("x", overshoot=6, promise={"kind": "fixed"})).beyond_sliding == 6
    assert line_of(judged("x", results=())).verdict is Verdict.UNKNOWN


def test_the_busiest_rate_is_that_of_the_fullest_scenario() -> None:
    assert busiest_rate(history("x")) == pytest.approx(1000, rel=0.01)


def test_a_closed_loop_has_no_schedule() -> None:
    assert open_loop(history("x")) is None


def test_one_limiter_makes_the_json_of_the_design(tmp_path: Path) -> None:
    file = tmp_path / "verdict.json"
    JsonFile(str(file)).handle(RunFinished(tmp_path, three()[1:2]))
    data = json.loads(file.read_text(encoding="utf-8"))
    assert (data["schema"], data["limiter"], data["verdict"]) == (1, "get_set_json", "fail")
    assert data["quota"] == {"limit": 10, "window": 1.0}
    assert data["seed"] == 7
    assert data["server"] == {"name": "redis", "version": "8.2.3"}
    over = data["checks"][0]
    assert {"name", "verdict", "cause", "measured", "complete", "because"} <= set(over)
    assert (over["name"], over["cause"], over["measured"]["overshoot"]) == ("overshoot", "race", 6)


def test_several_limiters_make_one_json(tmp_path: Path) -> None:
    data = summary([one.judgement for one in three()])
    assert data["verdict"] == "fail"
    assert [one["limiter"] for one in data["limiters"]] == [
        "lua_atomic", "get_set_json", "no_prune",
    ]  # fmt: skip
    JsonFile(None).handle(RunFinished(tmp_path, three()))
    assert not list(tmp_path.iterdir())


def test_a_dash_writes_only_json_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    JsonFile("-").handle(RunFinished(Path(), three()[:1]))
    assert json.loads(capsys.readouterr().out)["limiter"] == "lua_atomic"


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (float("nan"), "-"), (0, "0"), (12345, "12,345"), (1234.6, "1,235")],
)
def test_counts_have_separators(number: float | None, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [(None, "B", "-"), (0, "", "0"), (999, "B", "999 B"), (1234, "B", "1.23 kB"),
     (5_600_000, "", "5.6 M"), (-2e9, "B", "-2 GB")],
)  # fmt: skip
def test_large_numbers_have_three_digits(number: float | None, unit: str, text: str) -> None:
    assert si(number, unit).rstrip() == text
