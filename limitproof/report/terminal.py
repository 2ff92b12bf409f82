"""What a person sees while a run goes on, and at its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from limitproof.check.verdict import Verdict
from limitproof.events import (
    Event,
    ExplorationStarted,
    LimiterExplored,
    LimiterJudged,
    LimiterStarted,
    RunFinished,
    RunStarted,
    Tick,
)
from limitproof.expectations import verdict_of
from limitproof.report.console import styled
from limitproof.report.counterexamples import covered, headline, in_short, named, replay_command
from limitproof.report.interleaving import columns
from limitproof.report.limiters_table import limiters_table
from limitproof.report.numbers import count
from limitproof.report.steps import visible
from limitproof.report.summary import open_loop
from limitproof.report.table import checks_table

MOST_STEPS = 40  # shown of one counterexample


def against_known(judged: Sequence[LimiterJudged]) -> str:
    """How many limiters of a run fail, and whether that is known of them."""
    failing = sum(one.judgement.verdict is Verdict.FAIL for one in judged)
    told = f"{failing} of {len(judged)} limiters fail"
    if not all(one.registered for one in judged):
        return told
    if strange := sum(bool(one.surprises or one.missed) for one in judged):
        return f"{told}; {strange} against what is known of them"
    return f"{told}: those are wrong on purpose, and each does what is known of it"


class Terminal:
    """A progress bar on a terminal, plain lines elsewhere; then the tables and the verdict.

    A context manager: the bar is gone at its end, however that came.
    """

    def __init__(self, console: Console, *, quiet: bool, verbose: bool, single: bool) -> None:
        self._console, self._quiet = console, quiet
        self._verbose, self._single = verbose, single
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} s"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._begun = time.monotonic()
        self._limiters: tuple[str, ...] = ()
        self._total = 0.0

    def __enter__(self) -> Terminal:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def handle(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._start(event)
            case ExplorationStarted():
                self._advance(f"exploring {event.limiter}")
            case LimiterExplored():
                self._explored(event)
            case LimiterStarted():
                self._advance(event.limiter)
            case Tick():
                self._advance()
            case LimiterJudged():
                self._judged(event)
            case RunFinished():
                self._progress.stop()
                self._finish(event)

    def _start(self, event: RunStarted) -> None:
        self._limiters = event.limiters
        if self._quiet:
            return
        self._console.print(
            f"{count(len(event.limiters))} limiter{'s' * (len(event.limiters) != 1)} on "
            f"{event.server}, about {event.seconds:.0f} s"
        )
        self._total = event.seconds
        self._task = self._progress.add_task("starting Locust", total=event.seconds)

    def _advance(self, description: str | None = None) -> None:
        if self._task is not None:
            elapsed = time.monotonic() - self._begun
            left = self._total - elapsed
            description = description if left > 0 else "judging and drawing"
            done = min(elapsed, self._total)
            self._progress.update(self._task, description=description, completed=done)

    def _explored(self, event: LimiterExplored) -> None:
        if self._quiet or self._progress.disable is False:
            return
        self._console.print(f"  explored {event.limiter}: {in_short(event.explored)}")

    def _judged(self, event: LimiterJudged) -> None:
        if self._quiet or self._single or self._progress.disable is False:
            return
        self._console.print(f"  {event.limiter}: {event.judgement.verdict.value}")

    def _finish(self, event: RunFinished) -> None:
        judged = event.judged
        verdict = verdict_of(judged, event.stopped)
        if not self._quiet:
            self._console.print(limiters_table(judged, self._console.width))
            for one in judged:
                if self._single or self._verbose:
                    self._console.print()
                    self._console.print(checks_table(one.judgement))
                self._tell_counterexample(one)
                self._tell_open_loop(one)
            self._tell_surprises(judged)
            if any(one.history.meta.promise.get("kind") != "sliding" for one in judged):
                self._console.print(
                    "(n): beyond a sliding window of the same quota, which was not promised",
                    style="dim",
                )
            self._console.print(f"report: {event.folder / 'report.html'}")
        if event.stopped:
            self._console.print(f"ended early: {event.stopped}")
        self._console.print("verdict:", styled(verdict))

    def _tell_counterexample(self, one: LimiterJudged) -> None:
        """The smallest run that fails, and how to see it again; of a single limiter."""
        if not self._single:
            return
        for exploration, shown in named(one.explored, one.judgement):
            self._console.print(f"\n{headline(shown)}, because {visible(shown.because)}")
            self._console.print(columns(shown.run, most=MOST_STEPS))
            for fact in (exploration.share(shown.check), f"covered: {covered(exploration)}"):
                if fact:
                    self._console.print(fact)
            self._console.print(f"again: {replay_command(shown, one.folder)}\n")

    def _tell_open_loop(self, one: LimiterJudged) -> None:
        schedule = open_loop(one.history) if self._single else None
        if schedule is not None:
            median, high, worst = (1000 * seconds for seconds in schedule.latency)
            self._console.print(
                f"open loop: {count(schedule.intended)} on schedule, {count(schedule.late)} late, "
                f"{count(schedule.dropped)} dropped; latency from the intended instant "
                f"{median:.2f} ms median, {high:.2f} ms p99, {worst:.2f} ms worst"
            )

    def _tell_surprises(self, judged: tuple[LimiterJudged, ...]) -> None:
        for one in judged:
            if one.surprises:
                names = ", ".join(one.surprises)
                self._console.print(
                    f"{one.limiter} fails {names}, which the registry does not know"
                )
            if one.missed and not self._single:
                self._console.print(f"{one.limiter} {one.missed}")
        if self._single:
            return
        self._console.print(against_known(judged))
        done = {one.limiter for one in judged}
        if left := [name for name in self._limiters if name not in done]:
            self._console.print(f"not run: {', '.join(left)}")
