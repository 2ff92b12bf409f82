"""Options, seeds, xdist, and that a run leaves everything else as it was."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.pytest_plugin.conftest import ATOMIC, RACY, Sandbox, text_of

QUICK = 'checks = ["contract", "crash", "expiry"]'


def test_no_redis_is_an_error_and_no_skip(sandbox: Sandbox) -> None:
    sandbox.write(ATOMIC, more=QUICK)
    result = sandbox.run("--limitproof-redis=spawn:/nowhere")
    result.assert_outcomes(errors=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["limitproof has no Redis: '/nowhere' is not there; *"])
    result.stdout.fnmatch_lines(["*valkey-server, or leave --limitproof-redis out"])
    assert "Traceback" not in text_of(result)
    remote = sandbox.run("--limitproof-redis=redis://localhost:1")
    remote.assert_outcomes(errors=3)
    remote.stdout.fnmatch_lines(["*a server that runs already cannot be set; give spawn:PROGRAM"])


def test_a_target_needs_no_class(sandbox: Sandbox) -> None:
    sandbox.write(ATOMIC, more=QUICK)  # is not run: nobody named it
    result = sandbox.run("--limitproof-target=fixed_window_crash", "-k", "contract or crash")
    result.assert_outcomes(passed=1, failed=1, deselected=14)
    result.stdout.fnmatch_lines(
        [
            "crash: fail (fault): *",
            "token * limitproof replay .limitproof/*.json",
            "limitproof::TestTarget: fail: crash; 1 pass",
        ]
    )


def test_a_target_may_be_a_file_beside_other_tests(sandbox: Sandbox) -> None:
    sandbox.pytester.makepyfile(
        limiter="from limiters.lua_atomic import LuaAtomic as Mine", test_other="def test(): pass"
    )
    result = sandbox.run(
        "test_other.py", "--limitproof-target=limiter.py:Mine", "-k", "test_other or crash", "-v",
        "--limitproof-limit=2", "--limitproof-window=60", "--limitproof-promise=sliding",
    )  # fmt: skip
    result.stdout.fnmatch_lines(
        ["limitproof::TestTarget::test_limitproof?crash? PASSED*", "test_other.py::test PASSED*"]
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limitproof-target=lua_atmic"], "*no limiter is named 'lua_atmic'; did you mean *"),
        (["--limitproof-target=no.py:Mine"], "*there is no file *no.py; give *"),
        (
            ["--limitproof-target=lua_atomic", "--limitproof-promise=fast"],
            "*no such promise 'fast'; use sliding, fixed, *",
        ),
        (
            ["--limitproof-target=lua_atomic", "--limitproof-limit=0"],
            "*limit must be a whole number of at least 1, not 0",
        ),
        (["--limitproof-budget=0"], "*--limitproof-budget: 0* seconds *"),
    ],
)
def test_a_wrong_option_is_a_usage_error_in_one_line(
    sandbox: Sandbox, options: list[str], said: str
) -> None:
    result = sandbox.pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len([line for line in result.errlines if line.strip()]) == 1
    result.stderr.fnmatch_lines([said])


def test_a_seed_repeats_a_run_bit_for_bit(sandbox: Sandbox) -> None:
    sandbox.write(RACY, more='checks = ["overshoot", "crash", "clock-skew"]')
    seed = "--limitproof-seed=7"
    runs = [text_of(sandbox.run("-q", *more, seed)) for more in ((), (), ("-k", "overshoot"))]
    told = [re.sub(r"in \d+\.\d+s", "", run) for run in runs]
    assert told[0] == told[1]
    assert "limitproof: profile ci, --limitproof-seed 7" in told[0]
    tokens = [re.findall(r"^token \w+", run, re.M) for run in told]
    assert len(tokens[0]) == 3
    assert tokens[2] == tokens[0][:1]  # alone it finds what it finds with others


def test_at_night_the_seed_is_fresh_told_and_the_same_in_all_workers(sandbox: Sandbox) -> None:
    sandbox.write(RACY, more='checks = ["crash", "clock-skew"]')
    sandbox.write(RACY, more='checks = ["crash"]', name="test_other")
    result = sandbox.apart("-n2", "--limitproof-profile=night")
    result.assert_outcomes(failed=3)
    said = text_of(result)
    header = re.search(r"limitproof: profile night, --limitproof-seed (\d+)$", said, re.M)
    assert header is not None
    assert int(header[1]) > 0
    assert re.findall(r"^seed (\d+):", said, re.M) == [header[1]] * 3


COUNTING = """
import pytest
from limiters.lua_atomic import LuaAtomic
from limitproof.testing import LimiterContract

@pytest.mark.parametrize("prefix", ["a", "b"])
class TestMine(LimiterContract):
    checks = ["contract", "crash"]

    @pytest.fixture(autouse=True)
    def prepared(self, prefix):
        self.prefix = prefix

    def make_limiter(self, client, quota, clock):
        assert self.prefix == "a"
        return LuaAtomic(client, quota, clock)
"""


def test_a_parametrised_class_is_a_limiter_for_each_parameter(sandbox: Sandbox) -> None:
    sandbox.write(COUNTING)
    sandbox.run().assert_outcomes(passed=2, failed=2)


INTERRUPTED = """
from limitproof.testing import LimiterContract

class TestMine(LimiterContract):
    checks = ["overshoot"]
    def make_limiter(self, client, quota, clock):
        class Mine:
            def acquire(self, key):
                client.incr(key)
                raise KeyboardInterrupt
        return Mine()
"""
AS_BEFORE = """
import os, random, signal, socket, sys, time
from limitproof.verify import interleavings, machine

interleavings.MOVES, machine.EXAMPLES = 0, 10  # a short search will do

def state():
    return (
        time.time, time.sleep, time.monotonic, os.urandom, socket.socket,
        signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT),
        signal.getitimer(signal.ITIMER_REAL), random.getstate(),
    )

def pytest_runtest_setup(item):
    random.seed(5)
    item.config.before = state(), time.time()

def compared(config, when):
    before, began = config.before
    print(when, "AS BEFORE" if state() == before else "CHANGED")
    print(when, "NOW" if 0 <= time.time() - began < 1000 else "ANOTHER TIME")
    print(when, "UUIDS DIFFER" if os.urandom(8) != os.urandom(8) else "UUIDS REPEAT")

def pytest_runtest_teardown(item):
    compared(item.config, item.nodeid)

def pytest_unconfigure(config):
    compared(config, "END")
    print("LOCUST", sorted({"locust", "gevent"} & set(sys.modules)))
"""


def test_a_run_leaves_time_and_randomness_as_before_even_after_ctrl_c_and_imports_no_locust(
    sandbox: Sandbox,
) -> None:
    sandbox.pytester.makeconftest(AS_BEFORE)
    sandbox.write(ATOMIC, more=QUICK, name="test_1_right")
    sandbox.write(RACY, more='checks = ["overshoot"]', name="test_2_racy")
    sandbox.write(INTERRUPTED, name="test_3_interrupted")
    result = sandbox.apart("-p", "no:xdist", "-s", budget=60)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(passed=3, failed=1)
    said = text_of(result)
    for when, times in (("test_1_right.py", 3), ("test_2_racy.py", 1), ("END", 1)):
        for what in ("AS BEFORE", "NOW", "UUIDS DIFFER"):
            assert len(re.findall(rf"{when}\S* {what}$", said, re.M)) == times, (when, what)
    assert "CHANGED" not in said
    result.stdout.fnmatch_lines(["LOCUST []"])


LIGHT = """
import sys
import pytest
heavy = {"locust", "gevent", "hypothesis", "matplotlib", "numpy", "redis", "rich"}
before = heavy & set(sys.modules)
import limitproof.pytest_plugin
print(sorted(heavy & set(sys.modules) - before))
import limitproof.pytest_judge
print(sorted({"locust", "gevent", "matplotlib"} & set(sys.modules)))
"""


def test_the_plugin_imports_nothing_until_it_is_needed_and_never_locust() -> None:
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, env=environ
    )
    assert ended.stdout.splitlines() == ["[]", "[]"]


def test_somebodys_tests_do_not_notice_the_plugin(sandbox: Sandbox) -> None:
    sandbox.pytester.makepyfile("def test(): pass")
    for options in ((), ("-p", "no:limitproof")):
        result = sandbox.pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)
        result.assert_outcomes(passed=1)
        assert "limitproof:" not in text_of(result)
