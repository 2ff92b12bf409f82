"""`limitproof replay` of stories: files that are none, and limiters that have changed since."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from limitproof.stories import Again, Ask, Event, Finish, Go, Kill, Look, Lose, Story, Wait

HEAD = """
from limiters.contract import Decision

class Mine:
    def __init__(self, client, quota, clock):
        self.client, self.quota = client, quota

    def acquire(self, key):
"""
MINE = (
    HEAD
    + """
        counted = self.client.incr(key)
        self.client.pexpire(key, self.quota.window_ms)
        return Decision({answer})
"""
)
EVENTS = tuple(event for client in (0, 1, 0) for event in (Ask(client), Finish(client)))


def story(folder: Path, answer: str, events: tuple[Event, ...] = EVENTS) -> Path:
    """A story of requests for two places, of a limiter beside it."""
    (folder / "mine.py").write_text(MINE.format(answer=answer))
    promise = {"kind": "sliding", "limit": 2, "window": 1.0}
    told = Story(f"{folder / 'mine.py'}:Mine", 2, 1.0, promise, 0, events, "overshoot")
    path = folder / "story.json"
    path.write_text(json.dumps(told.to_json()))
    return path


def test_a_long_story_is_judged_by_all_of_it_and_shown_by_its_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it shows happens in the middle."""
    lonely = (Ask(0), Finish(0), Wait(1_000_001)) * 70
    path = story(tmp_path, "True", (*lonely, *EVENTS, *lonely))
    assert invoke(["replay", str(path)]) is Exit.FAIL
    said = capsys.readouterr().out
    assert "STILL FAILS: overshoot: 4 requests admitted at 70,000.07 ms" in said
    assert "… 126 events not shown" in said
    assert said.count("asks") == 100


@pytest.mark.parametrize(
    ("answer", "code", "word"),
    [
        ("True", Exit.FAIL, "STILL FAILS: overshoot: 3 requests admitted at 0 ms"),
        ("counted <= self.quota.limit", Exit.PASS, "FIXED"),
        ("1 / 0", Exit.UNKNOWN, "ERROR: the request at 0 ms got no Decision: ZeroDivisionError"),
        ("__import__('threading').Event().wait()", Exit.UNKNOWN, "ERROR: not simulated"),
    ],
)
def test_a_story_is_told_again_from_anywhere(
    answer: str,
    code: Exit,
    word: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = story(tmp_path, answer)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    if "wait" in answer:  # it never asks Redis, and is given up sooner
        monkeypatch.setattr("limitproof.simulate.watchdog.SPIN_SECONDS", 0.3)
    assert invoke(["replay", str(path), "-q"]) == code
    assert capsys.readouterr().out.startswith(word)


ONE_STEP = "self.client.incr(key)"
TWO_STEPS = f"min({ONE_STEP}, int(self.client.get(key)))"
THREE_STEPS = f"(self.client.get(key), self.client.ping(), {ONE_STEP})[-1]"
FOUR_STEPS = f"(self.client.exists(key), {THREE_STEPS})[-1]"


@pytest.mark.parametrize(
    ("counted", "says"),
    [
        (THREE_STEPS, "STILL FAILS: lost-reply: the reply to step 3 of a request is lost; "),
        (ONE_STEP, "STILL FAILS: lost-reply: the reply to step 1 of a request is lost; "),
        (FOUR_STEPS, "STILL FAILS: lost-reply: the reply to step 4 of a request is lost; "),
        (TWO_STEPS, "STILL FAILS: lost-reply: the reply to step 1 of a request is lost; "),
        ("1", "ERROR: the limiter does other things than it did in the story: client 0 has nothi"),
        ("self.client.get(key) or 1", "FIXED: lost-reply does not fail in this story, in which"),
    ],
)
def test_a_reply_is_lost_in_each_step_of_a_limiter_that_has_changed(
    counted: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The limiter counts twice: redis-py sends again what was not answered."""
    (tmp_path / "mine.py").write_text(HEAD + f"        return Decision({counted} <= 3)\n")
    others = tuple(event for _ in range(4) for event in (Ask(1), Finish(1)))
    events = (Ask(0), Go(0), Go(0), Lose(0), Finish(0), *others, Again(), *others)
    promise = {"kind": "sliding", "limit": 3, "window": 60.0}
    told = Story(f"{tmp_path / 'mine.py'}:Mine", 3, 60.0, promise, 0, events, "lost-reply")
    (tmp_path / "story.json").write_text(json.dumps(told.to_json()))
    invoke(["replay", str(tmp_path / "story.json"), "-q"])
    assert capsys.readouterr().out.startswith(says)


@pytest.mark.parametrize(
    ("takes", "says"),
    [
        (", cost=1", "STILL FAILS: weights: a request of cost 3 is admitted at 0 ms, where the "),
        ("", "ERROR: the limiter does other things than it did in the story: a request has a cost"),
    ],
)
def test_a_limiter_that_takes_no_cost_is_told_so(
    takes: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HEAD.replace("(self, key)", f"(self, key{takes})") + "        return Decision(True)\n"
    (tmp_path / "mine.py").write_text(text)
    promise = {"kind": "sliding", "limit": 2, "window": 1.0}
    events = (Ask(0, cost=3), Finish(0))
    told = Story(f"{tmp_path / 'mine.py'}:Mine", 2, 1.0, promise, 0, events, "weights")
    (tmp_path / "story.json").write_text(json.dumps(told.to_json()))
    invoke(["replay", str(tmp_path / "story.json"), "-q"])
    assert capsys.readouterr().out.startswith(says)


def test_a_client_that_dies_with_nothing_under_way_is_part_of_a_story(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = json.loads(story(tmp_path, "True").read_text())
    said["events"] = [*said["events"][:2], {"do": "kill", "client": 0}, *said["events"]]
    (tmp_path / "story.json").write_text(json.dumps(said))
    assert invoke(["replay", str(tmp_path / "story.json"), "-q"]) == Exit.FAIL
    assert capsys.readouterr().out.startswith("STILL FAILS")
    story(tmp_path, "counted <= self.quota.limit")
    (tmp_path / "story.json").write_text(json.dumps(said))
    assert invoke(["replay", str(tmp_path / "story.json"), "-q"]) == Exit.PASS


def test_a_file_named_by_its_path_is_found_above_the_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it was seen from the folder in which `limitproof verify` was called."""
    said = json.loads(story(tmp_path, "True").read_text())
    kept = tmp_path / "results" / "run" / "schedules" / "story.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps(said | {"target": "mine.py:Mine"}))
    elsewhere = tmp_path / "results" / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert invoke(["replay", "../run/schedules/story.json", "-q"]) == Exit.FAIL
    said_of = capsys.readouterr()
    assert said_of.out.startswith("STILL FAILS")
    assert said_of.err == f"the limiter is that of {tmp_path / 'mine.py'}\n"
    (elsewhere / "mine.py").write_text(MINE.format(answer="counted <= 2"))
    assert invoke(["replay", "../run/schedules/story.json", "-q"]) == Exit.PASS
    assert capsys.readouterr().err == f"the limiter is that of {elsewhere / 'mine.py'}\n"
    (elsewhere / "mine.py").unlink()
    (tmp_path / "mine.py").unlink()
    assert invoke(["replay", "../run/schedules/story.json", "-q"]) == Exit.USAGE
    assert "say with --target where it is now" in capsys.readouterr().err


def test_what_a_story_shows_is_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["replay", str(story(tmp_path, "True"))]) == Exit.FAIL
    *_, because, result = capsys.readouterr().out.splitlines()
    assert because.startswith("overshoot: 3 requests admitted")
    assert result == f"STILL FAILS: {because}"


def test_json_is_all_there_is_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = story(tmp_path, "True")
    assert invoke(["replay", str(path), "--json", "-"]) == Exit.FAIL
    said = json.loads(capsys.readouterr().out)
    assert (said["result"], said["schema"]) == ("STILL FAILS", 1)


def changed(**what: Any) -> Callable[[dict[str, Any]], object]:
    return lambda said: {**said, **what}


def with_events(*events: dict[str, Any]) -> Callable[[dict[str, Any]], object]:
    return changed(events=list(events))


ASK = {"do": "ask", "client": 0, "key": "k", "cost": None}
BROKEN: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda _: [], "no schedule"),
    (lambda _: None, "no schedule"),
    (lambda _: {"kind": "story"}, "no story"),
    (changed(schema=2), "schema 1"),
    (changed(kind="fable"), "no schedule"),
    (changed(more=1), "more"),
    (changed(limit=0), "limit must be"),
    (changed(limit="two"), "limit must be"),
    (changed(window=-1), "window must be"),
    (changed(window=1e300), "thirty years"),
    (changed(seed=None), "seed must be"),
    (changed(target=5), "target must be"),
    (changed(granularity="bit"), "granularity"),
    (changed(shows="beauty"), "no check is called 'beauty'"),
    (changed(promise={"kind": "eternal"}), "promise"),
    (changed(promise={"kind": "token"}), "promise"),
    (changed(promise=7), "promise"),
    (changed(events=7), "no story"),
    (with_events({"do": "dance"}), "dance"),
    (with_events({"do": "go", "client": 0}), "client 0 goes on and has not asked"),
    (with_events(ASK, {"do": "kill", "client": 0}, {"do": "go", "client": 0}), "has not asked"),
    (with_events(ASK, {"do": "again"}, {"do": "lose", "client": 0}), "has not asked"),
    (with_events({"do": "wait", "microseconds": 10**30}), "thirty years"),
    (with_events({"do": "wait", "microseconds": -1}), "below 0"),
    (with_events({"do": "wait", "microseconds": 0.5}), "whole number"),
    (with_events({"do": "skew", "client": 0, "microseconds": 10**17}), "thirty years"),
    (with_events({**ASK, "client": -1}), "clients 0 to"),
    (with_events({**ASK, "client": 10**9}), "clients 0 to"),
    (with_events({**ASK, "key": 5}), "a key is a text"),
    (with_events({**ASK, "cost": "much"}), "a cost a whole number"),
]


@pytest.mark.parametrize(("edit", "says"), BROKEN, ids=[str(n) for n in range(len(BROKEN))])
def test_a_file_that_is_no_story_is_one_line(
    edit: Callable[[dict[str, Any]], object],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = story(tmp_path, "True")
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    assert invoke(["replay", str(path)]) == Exit.USAGE
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert says in err


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_file_is_one_line(
    cut: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = story(tmp_path, "True")
    path.write_bytes(path.read_bytes()[:cut] + b"\xff")
    assert invoke(["replay", str(path)]) == Exit.USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_a_limiter_that_is_gone_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = story(tmp_path, "True")
    (tmp_path / "mine.py").unlink()
    assert invoke(["replay", str(path)]) == Exit.USAGE
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "there is no file" in err


def test_a_token_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the newest run in the results, or of the pytest plugin; from the project's folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE.format(answer="True"))
    asked = ["verify", "mine.py:Mine", "--checks", "overshoot,contract", "--budget", "6"]
    assert invoke([*asked, "--json", "-"]) == Exit.FAIL
    said = json.loads(capsys.readouterr().out)
    (kept,) = [one["counterexample"] for one in said["checks"] if one["counterexample"]]
    assert {one["name"] for one in said["checks"]} == {"overshoot", "contract"}
    stored = json.loads((tmp_path / "results/latest" / kept).read_text())
    assert stored["target"] == "mine.py:Mine"  # another checkout can run it
    token = Path(kept).stem
    assert invoke(["replay", token]) == Exit.FAIL
    (tmp_path / ".limitproof").mkdir()
    (tmp_path / "results/latest" / kept).rename(tmp_path / f".limitproof/{token}.json")
    assert invoke(["replay", token]) == Exit.FAIL
    capsys.readouterr()
    assert invoke(["replay", "0" * 8]) == Exit.USAGE
    assert "no schedule 00000000 is kept in results or .limitproof" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "results")
    assert invoke(["replay", str(tmp_path / f".limitproof/{token}.json")]) == Exit.FAIL


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        ("nx=True", "STILL FAILS: crash: a client dies after 1 step"),
        ("nx=True, px=1000", "FIXED"),  # longer than who was given up had waited
    ],
)
def test_who_waits_for_a_lock_that_ends_by_itself_now_is_let(
    lock: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the story it was given up."""
    (tmp_path / "mine.py").write_text(
        f"import time\n{HEAD}"
        f"        while not self.client.set(key + 'lock', 1, {lock}): time.sleep(0.005)\n"
        "        both = self.client.pipeline().set(key, 0, nx=True, px=self.quota.window_ms)\n"
        "        counted = both.incr(key).execute()[1]\n"
        "        self.client.delete(key + 'lock')\n"
        "        return Decision(counted <= self.quota.limit)\n"
    )
    gives_up = (Ask(1), *(Go(1),) * 60, Kill(1))
    late = (Wait(2_001_000), Ask(1))
    finishes = (Ask(1), Finish(1))
    events = (
        *(Ask(0), Go(0), Kill(0), Look(), *gives_up, Look(), *late, *(Go(1),) * 60, Kill(1)),
        *(Again(), Look(), *finishes, Look(), *late, Finish(1)),
    )
    promise = {"kind": "fixed", "limit": 3, "window": 1.0}
    told = Story(f"{tmp_path / 'mine.py'}:Mine", 3, 1.0, promise, 0, events, "crash")
    (tmp_path / "story.json").write_text(json.dumps(told.to_json()))
    invoke(["replay", str(tmp_path / "story.json"), "-q"])
    said = capsys.readouterr().out
    assert said.startswith(says), said
