"""report.html: whole, small, offline, and safe against what a limiter calls itself."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.events import LimiterJudged, RunFinished, Tick
from limitproof.report import plots
from limitproof.report.cards import clip
from limitproof.report.run_html import HtmlReport, render, write_report
from tests.report.runs import evidence, judged, three

VOID = {"meta", "link", "img", "source", "br"}
NASTY = '<script>alert("x")</script>'
ADDRESSES = {"src", "href", "srcset", "action", "data", "xlink:href"}


class Page(HTMLParser):
    """Fails on a tag that is closed without being open; keeps what a test asks about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The whole page of the three made-up limiters, plots included."""
    folder = tmp_path_factory.mktemp("run")
    return write_report(folder, three(folder)).read_text(encoding="utf-8")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are written without plots."""
    monkeypatch.setattr(plots, "DRAWINGS", ())


def page_of(run: Sequence[LimiterJudged]) -> Page:
    return Page(render(Path("run"), run))


def test_every_tag_is_closed_in_order() -> None:
    assert page_of(three()).open == []


def test_each_limiter_has_a_row_a_section_and_its_verdict() -> None:
    page = page_of(three())
    sections = page.all("section")
    assert [section["id"] for section in sections] == [
        "1-lua_atomic", "2-get_set_json", "3-no_prune",
    ]  # fmt: skip
    links = {link["href"] for link in page.all("a")}
    assert {f"#{section['id']}" for section in sections} <= links
    for words in ("2 fail", "1 pass", "of 3 limiters", "cause: race", "41.5 B/req", "redis 8.2.3"):
        assert words in page.text
    assert "Fails memory, which the registry does not know of it." in page.text


def test_the_evidence_is_drawn_and_the_rest_counted() -> None:
    result = CheckResult(
        "overshoot", Verdict.FAIL, "too many", cause=Cause.RACE, evidence=evidence(321)
    )
    page = page_of([judged("x", results=(result,))])
    (drawing,) = page.all("svg")
    assert drawing["role"] == "img"
    assert "321 operations of 4 clients" in (drawing["aria-label"] or "")
    assert len([one for one in page.all("rect") if one["class"] == "admitted"]) == 50
    assert "271 more not drawn" in page.text


def test_what_comes_from_outside_is_escaped() -> None:
    result = CheckResult(
        NASTY, Verdict.FAIL, NASTY, measured={NASTY: NASTY, "names": [NASTY]},
        evidence=evidence(12, key=NASTY),
    )  # fmt: skip
    foreign = judged(
        NASTY, errors=(NASTY,), interrupted=NASTY, target=NASTY, written_by=NASTY,
        surprises=(NASTY,), results=(result,), promise={"kind": NASTY}, server={"name": NASTY},
    )  # fmt: skip
    text = render(Path(NASTY.replace("/", "")), [foreign], stopped=NASTY)
    page = Page(text)
    assert page.open == []
    assert "<script" not in text
    assert not page.all("script")
    assert page.text.count(NASTY) >= 10
    assert not [name for _, attributes in page.tags for name in attributes if name[:2] == "on"]


def test_the_page_asks_nobody_for_anything(written: str) -> None:
    for _, attributes in Page(written).tags:
        for name in ADDRESSES & set(attributes):
            assert (attributes[name] or "").startswith(("#", "data:"))
    assert not re.search(r"url\(|@import", written)
    assert "default-src 'none'" in written


def test_every_picture_has_a_text_and_every_heading_a_scope(written: str) -> None:
    page = Page(written)
    pictures = page.all("img")
    assert len(pictures) == 3
    assert all(len(picture["alt"] or "") > 60 for picture in pictures)
    assert all(heading["scope"] in ("col", "row") for heading in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"


def test_22_limiters_of_everything_wrong_stay_below_a_megabyte(tmp_path: Path) -> None:
    wrong = tuple(
        CheckResult(
            f"check-{number}", Verdict.FAIL, "because " * 200, cause=Cause.RACE,
            measured={f"figure_{figure}": figure * 12345 for figure in range(15)},
            evidence=evidence(2000) if number < 3 else evidence(1),
        )
        for number in range(8)
    )  # fmt: skip
    run = [
        judged(f"limiter_{n}", tmp_path, overshoot=n % 9, leak=100 * n, results=wrong,
               errors=tuple(f"{e}: {'long ' * 1000}" for e in range(50)))
        for n in range(22)
    ]  # fmt: skip
    path = write_report(tmp_path, run)
    assert path.stat().st_size < 1_000_000
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert "To keep the page small" in page.text
    assert len([one for one in page.all("path") if one["class"] == "admitted"]) == 22 * 3


def test_the_head_tells_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(
        json.dumps(
            {
                "command": ["limitproof", "load", "a b"], "created": "2026-11-22T21:51:10+00:00",
                "machine": {"cores": 2, "system": "Linux", "architecture": "x86_64"},
                "server": {"name": "valkey", "version": "9.1.0"}, "options": {"seed": 3},
            }
        )
    )  # fmt: skip
    text = Page(render(tmp_path, three())).text
    for words in (
        "limitproof load 'a b'", "valkey 9.1.0", "2 cores, Linux x86_64", "2026-11-22 21:51:10 UTC",
        "2 processes × 8 clients", "10 in 1 s",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"command": 3, "machine": [], "options": 1}'])
def test_a_damaged_account_of_the_run_does_not_hide_the_verdicts(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "run.json").write_text(content)
    assert "get_set_json" in Page(render(tmp_path, three())).text


def test_a_run_without_a_judged_limiter_is_told(tmp_path: Path) -> None:
    path = write_report(tmp_path, (), stopped="Redis went away")
    page = Page(path.read_text(encoding="utf-8"))
    assert "0 limiters were judged" in page.text
    assert "The run ended early: Redis went away." in page.text


@pytest.mark.usefixtures("undrawn")
def test_the_listener_draws_when_the_run_has_finished(tmp_path: Path) -> None:
    HtmlReport().handle(Tick())
    assert not list(tmp_path.iterdir())
    HtmlReport().handle(RunFinished(tmp_path, (judged("x", tmp_path),), "Ctrl-C"))
    assert "The run ended early: Ctrl-C" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_a_folder_that_cannot_be_written_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "plots").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="plots"):
        write_report(tmp_path, [judged("x")])


def test_what_red_means_is_told_of_reference_limiters_only() -> None:
    known = [replace(one, registered=True, surprises=()) for one in three()]
    assert "2 of 3 fail. Those are reference limiters that are wrong on purpose" in (
        page_of(known).text
    )
    known[2] = replace(known[2], surprises=("memory",))
    assert "Against what is known of them: no_prune." in page_of(known).text
    assert "wrong on purpose" not in page_of(known).text
    assert "wrong on purpose" not in page_of(three()).text


def test_long_texts_are_cut() -> None:
    assert clip("a" * 50, 10) == "a" * 9 + "…"
    assert clip("short", 10) == "short"
