"""What a recorder was told of is in the history, whatever becomes of its process."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limitproof.history import recorder as recording
from limitproof.history import records
from limitproof.history.columns import History, Key
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import SLOT, Discarder, Recorder, RecordFullError
from tests.history.samples import META, Ticking

PAGE_OF_SLOTS = mmap.ALLOCATIONGRANULARITY // SLOT.itemsize
PATIENCE = 60.0  # seconds; what is waited for takes some milliseconds
KEYS = tuple(Key(f"scenario-{n % 2}/kéy\n\udcff{n}", f"scenario-{n % 2}", n) for n in range(4))
FULL = "the disk was full, so the recording stopped"


@dataclass(frozen=True)
class Row:
    """One operation; instants in ns of the epoch, `response` None while nobody answered it."""

    process: int
    client: int
    key: Key
    cost: int
    invocation: int
    intended: int
    response: int | None = None
    outcome: Outcome = Outcome.UNKNOWN
    remaining: float | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Begin:
    """An operation begins; `early` ns before that it was intended (None: there is no schedule)."""

    process: int
    client: int
    key: Key
    cost: int
    early: int | None


@dataclass(frozen=True)
class Answer:
    """One of the operations that are open is answered: the `which`th, counted round."""

    which: int
    outcome: Outcome
    remaining: float | None
    retry_after: float | None


@dataclass(frozen=True)
class Drop:
    """An operation of an open loop is not sent."""

    process: int
    client: int
    key: Key
    early: int


processes, clients, keys = st.integers(0, 2), st.integers(0, 2**31 - 1), st.sampled_from(KEYS)
late = st.integers(0, 10**9)
answers = st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.UNKNOWN])
told = st.none() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False)
happenings = (
    st.builds(Begin, processes, clients, keys, st.integers(1, 2**31 - 1), st.none() | late)
    | st.builds(Answer, st.integers(0, 9), answers, told, told)
    | st.builds(Drop, processes, clients, keys, late)
)


def assembled(folder: Path) -> History:
    return records.assemble(records.read(folder), META)


def rows_of(history: History) -> list[Row]:
    columns = history.operations

    def maybe(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return [
        Row(
            process=int(columns.process[place]),
            client=int(columns.client[place]),
            key=history.keys[int(columns.key[place])],
            cost=int(columns.cost[place]),
            invocation=int(columns.invocation[place]),
            intended=int(columns.intended[place]),
            response=int(columns.response[place]),
            outcome=Outcome(int(columns.outcome[place])),
            remaining=maybe(columns.remaining[place]),
            retry_after=maybe(columns.retry_after[place]),
        )
        for place in range(len(columns))
    ]


def closed(rows: list[Row]) -> list[Row]:
    """What a history makes of rows: in order, and what has no known end may last until its end."""
    last = max([row.response or row.invocation for row in rows], default=0)
    ordered = sorted(rows, key=lambda row: row.invocation)
    return [
        replace(row, response=last) if row.outcome is Outcome.UNKNOWN else row for row in ordered
    ]


@settings(deadline=None)
@given(steps=st.lists(happenings, max_size=60), set_forward=st.integers(-(10**9), 10**9))
def test_what_is_recorded_is_what_a_history_holds(
    steps: list[Begin | Answer | Drop], set_forward: int
) -> None:
    """Three processes, whose clocks were read before and after the time of day was set."""
    clock = Ticking()
    base = clock.EPOCH
    rows: dict[tuple[int, int], Row] = {}
    open_: list[tuple[int, int]] = []
    with (
        patch.object(recording, "time", clock),
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as stack,
    ):
        recorders = []
        for process in range(3):
            recorders.append(stack.enter_context(Recorder(Path(folder), process)))
            clock.step += set_forward
        for number, step in enumerate(steps):
            if isinstance(step, Answer):
                if not open_:
                    continue
                process, slot = open_.pop(step.which % len(open_))
                recorders[process].answered(slot, step.outcome, step.remaining, step.retry_after)
                rows[process, slot] = replace(
                    rows[process, slot],
                    response=clock.now + base,
                    outcome=step.outcome,
                    remaining=step.remaining,
                    retry_after=step.retry_after,
                )
            elif isinstance(step, Drop):
                before = clock.now
                # What a client is told of the time is by its own process's anchor.
                own = recorders[step.process].now() - clock.now - base
                recorders[step.process].dropped(step.client, step.key, before + base + own)
                rows[step.process, -number] = Row(
                    step.process, step.client, step.key, 1,
                    invocation=before + 20 + base, intended=before + base,
                    response=before + 30 + base, outcome=Outcome.DROPPED,
                )  # fmt: skip
            else:
                now = clock.now + 20
                own = recorders[step.process].now() - clock.now - base
                intended = None if step.early is None else now + base - step.early + own
                slot = recorders[step.process].invoked(step.client, step.key, step.cost, intended)
                open_.append((step.process, slot))
                rows[step.process, slot] = Row(
                    step.process, step.client, step.key, step.cost,
                    invocation=now + base, intended=now + base - (step.early or 0),
                )  # fmt: skip
        while_open = rows_of(assembled(Path(folder)))
        stack.close()
        assert rows_of(assembled(Path(folder))) == while_open == closed(list(rows.values()))


def test_a_record_grows_as_long_as_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_CHUNK", PAGE_OF_SLOTS)
    count = 5 * PAGE_OF_SLOTS + 3
    with Recorder(tmp_path, 0) as recorder:
        slots = [recorder.invoked(n, KEYS[n % 4], 1) for n in range(count)]
        for n in reversed(range(count)):  # answers go back into chunks that are full
            recorder.answered(slots[n], Outcome.ADMITTED, remaining=n)
    rows = rows_of(assembled(tmp_path))
    assert [row.client for row in rows] == list(range(count))
    assert [row.remaining for row in rows] == list(range(count))
    assert [row.key for row in rows] == [KEYS[n % 4] for n in range(count)]
    (file,) = tmp_path.glob("*.ops")
    assert file.stat().st_size == (count + 1) * SLOT.itemsize  # the unused end was given back


def test_instants_are_of_now_and_never_run_backwards(tmp_path: Path) -> None:
    with Recorder(tmp_path, 0) as recorder:
        before = recorder.now()
        for n in range(100):
            recorder.answered(recorder.invoked(n, KEYS[0], 1), Outcome.ADMITTED)
        after = recorder.now()
    rows = rows_of(assembled(tmp_path))
    instants = [instant for row in rows for instant in (row.invocation, row.response or 0)]
    assert instants == sorted(instants)
    assert before <= instants[0]
    assert instants[-1] <= after
    assert all(row.intended == row.invocation for row in rows)


def test_what_nobody_answered_is_unknown_until_the_end_of_the_history(tmp_path: Path) -> None:
    with Recorder(tmp_path, 0) as recorder:
        recorder.invoked(0, KEYS[0], 1)
        recorder.answered(recorder.invoked(1, KEYS[0], 1), Outcome.ADMITTED)
        recorder.invoked(2, KEYS[0], 1)
    first, second, third = rows_of(assembled(tmp_path))
    assert [row.outcome for row in (first, second, third)] == [
        Outcome.UNKNOWN, Outcome.ADMITTED, Outcome.UNKNOWN,
    ]  # fmt: skip
    assert first.response == third.response == third.invocation > (second.response or 0)


def test_error_messages_are_kept_once_and_only_some(tmp_path: Path) -> None:
    with Recorder(tmp_path, 0) as one, Recorder(tmp_path, 1) as other:
        one.error("first\nline \udcff")
        other.error("only here")
        for n in range(100):
            one.error("first\nline \udcff")
            one.error(f"message {n}")
    errors = assembled(tmp_path).errors
    assert errors[:2] == ("first\nline \udcff", "message 0")
    assert errors[-1] == "only here"
    assert len(errors) == recording._MESSAGES + 1


def test_a_line_that_was_cut_short_is_left_out_with_the_operations_on_it(tmp_path: Path) -> None:
    with Recorder(tmp_path, 0) as recorder:
        for n in range(4):
            recorder.answered(recorder.invoked(n, KEYS[n], 1), Outcome.REJECTED)
        recorder.error("whole")
        recorder.error("cut short")
    for pattern in ("*.keys", "*.errors"):
        (file,) = tmp_path.glob(pattern)
        file.write_text(file.read_text()[:-3])
    history = assembled(tmp_path)
    assert [row.client for row in rows_of(history)] == [0, 1, 2]
    assert history.keys == KEYS[:3]
    assert history.errors == ("whole",)


def test_a_closed_recorder_can_be_closed_again(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 0)
    recorder.close()
    recorder.close()
    assert rows_of(assembled(tmp_path)) == []


ENDLESS = """
import sys
from pathlib import Path
from limitproof.history.columns import Key
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Recorder

recorder = Recorder(Path(sys.argv[1]), 3)
done = 0
while True:
    slot = recorder.invoked(done, Key(f"key {done // 1000}", "scenario"), 1)
    recorder.answered(slot, Outcome.ADMITTED, done)
    done += 1
    if done % 100 == 0:
        print(done, flush=True)
"""


def test_kill_minus_nine_keeps_all_that_was_recorded(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 2 * recording._CHUNK:
                process.kill()
                break
        told = [int(line) for line in process.stdout.read().splitlines()] or [int(line)]
    assert process.returncode == -signal.SIGKILL
    rows = rows_of(assembled(tmp_path))
    answered = [row for row in rows if row.outcome is Outcome.ADMITTED]
    assert len(answered) >= told[-1]
    assert len(rows) - len(answered) <= 1  # the one that it was at
    assert [row.remaining for row in answered] == list(range(len(answered)))
    assert all(row.key.name == f"key {row.client // 1000}" for row in answered)
    assert {row.process for row in rows} == {3}


def test_a_full_disk_keeps_what_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_CHUNK", PAGE_OF_SLOTS)
    allocate = os.posix_fallocate

    def nearly_full(file: int, offset: int, size: int) -> None:
        if offset:
            raise OSError(errno.ENOSPC, "No space left on device")
        allocate(file, offset, size)

    monkeypatch.setattr(os, "posix_fallocate", nearly_full)
    with Recorder(tmp_path, 0) as recorder:
        for done in range(PAGE_OF_SLOTS - 1):
            recorder.answered(recorder.invoked(done, KEYS[0], 1), Outcome.ADMITTED)
        for _ in range(2):  # it stays full
            with pytest.raises(RecordFullError, match="No space left on device") as caught:
                recorder.invoked(0, KEYS[0], 1)
            assert caught.value.errno == errno.ENOSPC
    history = assembled(tmp_path)
    assert [row.client for row in rows_of(history)] == list(range(PAGE_OF_SLOTS - 1))
    assert history.meta.interrupted == FULL


def test_no_room_for_the_first_chunk_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, offset: int, size: int) -> None:  # noqa: ARG001
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(RecordFullError):
        Recorder(tmp_path, 0)
    assert len(list(Path("/proc/self/fd").iterdir())) == open_files
    history = assembled(tmp_path)
    assert rows_of(history) == []
    assert history.meta.interrupted == FULL


LIMITED = """
import resource, sys
from pathlib import Path
from limitproof.history.columns import Key
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Recorder, RecordFullError

bytes_ = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))
with Recorder(Path(sys.argv[1]), 0) as recorder:
    done = 0
    try:
        while True:
            recorder.answered(recorder.invoked(done, Key("key"), 1), Outcome.ADMITTED)
            done += 1
    except RecordFullError as error:
        print(done)
"""


def test_a_file_that_must_not_grow_ends_the_record_in_good_order(tmp_path: Path) -> None:
    """The kernel itself says no, here by a limit on the size of files."""
    limit = 3 * recording._CHUNK * SLOT.itemsize // 2
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), str(limit)],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    history = assembled(tmp_path)
    assert len(history.operations) == int(ended.stdout) == recording._CHUNK - 1
    assert history.meta.interrupted == FULL


def test_a_discarder_takes_what_a_recorder_takes() -> None:
    discarder = Discarder()
    slot = discarder.invoked(0, KEYS[0], 1, discarder.now())
    discarder.answered(slot, Outcome.ADMITTED, 1, 2.0)
    discarder.dropped(0, KEYS[0], 0)
    discarder.error("nobody reads this")
    discarder.close()
