"""What a test class says of limiters: right, wrong, half told, and of no use at all."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from tests.pytest_plugin.conftest import ATOMIC, RACY, Sandbox, text_of


def test_a_race_is_told_as_a_story_that_replays_until_it_is_mended(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sandbox.write(RACY, more='checks = ["overshoot"]')
    result = sandbox.run("--junit-xml=report.xml")
    result.assert_outcomes(failed=1)
    said = text_of(result)
    assert "overshoot: fail (race): A and B both read (ZCARD) before either wrote (ZADD)" in said
    assert "ZADD k 1700000000.0" in said
    found = re.search(r"token (\w+): limitproof replay (\.limitproof/\w+\.json)$", said, re.M)
    assert found is not None
    token, schedule = found.groups()
    assert Path(schedule).stem == token

    case = next(ET.parse(sandbox.folder / "report.xml").getroot().iter("testcase"))  # noqa: S314
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties["limitproof_token"] == token
    assert properties["limitproof_check"] == "overshoot"
    assert properties["limitproof_verdict"] == "fail"
    assert properties["limitproof_seed"] == "0"
    message = next(case.iter("failure")).get("message") or ""
    assert f"token {token}" in message

    broken = sandbox.pytester.run(sys.executable, "-m", "limitproof", "replay", schedule)
    assert (broken.ret, "STILL FAILS" in text_of(broken)) == (1, True)
    path.write_text(ATOMIC.replace("{more}", "pass"), encoding="utf-8")
    assert invoke(["replay", schedule]) == Exit.PASS
    assert "FIXED" in capsys.readouterr().out


def test_the_command_that_replays_names_what_only_pytest_puts_on_the_path(
    sandbox: Sandbox,
) -> None:
    (sandbox.pytester.mkdir("src") / "only_for_pytest.py").write_text("LIMIT = 1")
    sandbox.write("import only_for_pytest" + RACY, more='checks = ["crash"]')
    said = text_of(sandbox.run("-o", "pythonpath=src"))
    assert re.search(
        r"token \w+: PYTHONPATH=src limitproof replay \.limitproof/\w+\.json$", said, re.M
    )


def test_a_failure_that_is_accepted_is_expected_and_a_pass_is_not(sandbox: Sandbox) -> None:
    sandbox.write(RACY, more='checks = ["contract", "crash"]\naccept = ["contract", "crash"]')
    result = sandbox.run("-rx")
    result.assert_outcomes(xfailed=1, xpassed=1)
    result.stdout.fnmatch_lines(["XFAIL *crash* accepted: crash: fail (fault): a client dies*"])
    result.stdout.fnmatch_lines(["test_mine.py::TestMine: accepted: crash; 1 pass"])
    strict = sandbox.run("-o", "xfail_strict=true")
    strict.assert_outcomes(xfailed=1, failed=1)
    strict.stdout.fnmatch_lines(["*XPASS(strict)*contract is in accept*"])


def test_what_is_not_told_is_skipped_and_says_so(sandbox: Sandbox) -> None:
    sandbox.write(RACY, more='checks = ["weights", "script-flush"]')
    result = sandbox.run("-rs", "-q")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED * weights: not told: acquire takes no cost"])
    result.stdout.fnmatch_lines(["test_mine.py::TestMine: not told: weights, script-flush"])


def test_too_little_time_is_no_pass_and_says_what_to_do(sandbox: Sandbox) -> None:
    sandbox.write(ATOMIC, more='checks = ["crash"]')
    result = sandbox.run(budget=0.01)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["crash: unknown: *: raise * (in pytest: --limitproof-budget)*"])


USELESS = """
from limitproof.testing import LimiterContract

class TestRaises(LimiterContract):
    checks = ["contract"]
    def make_limiter(self, client, quota, clock):
        raise ValueError("no such thing")

class TestNone(LimiterContract):
    checks = ["contract"]
    def make_limiter(self, client, quota, clock):
        return None

class TestSignature(LimiterContract):
    checks = ["contract"]
    def make_limiter(self, client):
        return None

class TestForgotten(LimiterContract):
    checks = ["contract"]

class TestBlocking(LimiterContract):
    checks = ["contract"]
    def make_limiter(self, client, quota, clock):
        class Mine:
            async def acquire(self, key):
                return None
        return Mine()

class TestQuota(LimiterContract):
    checks, limit = ["contract"], 0

class TestPromise(LimiterContract):
    checks, promise = ["contract"], "fast"
"""
SAID = (
    "contract: unknown: * it cannot be made: ValueError: no such thing (test_mine.py:6)",
    "contract: unknown: * the factory returned None, which has no method acquire(key)",
    "contract: unknown: * TestSignature.make_limiter() takes 2 positional arguments but 4 *",
    "contract: unknown: * TestForgotten.make_limiter(client, quota, clock) must return a limiter",
    "contract: unknown: * annotate that parameter with redis.asyncio.Redis",
    "TestQuota: limit must be a whole number of at least 1, not 0",
    "TestPromise: its promise is of no use: TypeError: promise must be a callable *",
)


def test_a_limiter_of_no_use_fails_in_a_line(sandbox: Sandbox) -> None:
    sandbox.write(USELESS)
    result = sandbox.run()
    result.assert_outcomes(failed=7)
    result.stdout.fnmatch_lines(list(SAID))
    assert "Traceback" not in text_of(result)
    assert "During handling" not in text_of(result)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            'checks = ["overshot"]',
            "TestMine.checks has 'overshot': no such *; did you mean overshoot? *",
        ),
        ('skip = "overshoot"', "TestMine.skip is 'overshoot'; write a list: ['overshoot']"),
        ('accept = ["race"]', "TestMine.accept has 'race': no such check: *"),
        ('checks = skip = ["crash"]', "TestMine: checks and skip leave no check"),
    ],
)
def test_wrong_names_end_the_collection(sandbox: Sandbox, more: str, said: str) -> None:
    sandbox.write(ATOMIC, more=more)
    result = sandbox.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


def test_skip_leaves_the_others(sandbox: Sandbox) -> None:
    sandbox.write(ATOMIC, more='skip = ["overshoot", "memory"]')
    result = sandbox.run("--collect-only", "-q")
    said = text_of(result)
    assert "14 tests collected" in said
    assert "[crash]" in said
    assert "[overshoot]" not in said


PROMISES = """
import redis.asyncio
from limiters.contract import Decision
from limiters.fixed_window import FixedWindow as Fixed
from limiters.token_bucket import TokenBucket as Bucket
from limitproof.testing import FixedWindow, LimiterContract, TokenBucket

CHECKS = ["overshoot"]

class Async:
    def __init__(self, client, quota):
        self.client, self.quota = client, quota

    async def acquire(self, key):
        count = await self.client.incr(key)
        if count == 1:
            await self.client.pexpire(key, self.quota.window_ms)
        return Decision(count <= self.quota.limit)

class TestFixed(LimiterContract):
    checks, promise = CHECKS, FixedWindow
    def make_limiter(self, client, quota, clock):
        return Fixed(client, quota, clock)

class TestUndeclared(LimiterContract):
    checks = CHECKS
    def make_limiter(self, client, quota, clock):
        return Fixed(client, quota, clock)

class TestBucket(LimiterContract):
    checks = CHECKS
    promise = lambda quota: TokenBucket(quota.limit / quota.window, quota.limit)
    def make_limiter(self, client, quota, clock):
        return Bucket(client, quota, clock)

class TestAsync(LimiterContract):
    checks, promise = ["contract", "crash"], FixedWindow
    async def make_limiter(self, client: redis.asyncio.Redis, quota, clock):
        return Async(client, quota)
"""


def test_other_promises_and_an_asyncio_client(sandbox: Sandbox) -> None:
    sandbox.write(PROMISES)
    result = sandbox.run()
    result.stdout.fnmatch_lines(
        [
            "test_mine.py::TestAsync: fail: crash; 1 pass",
            "test_mine.py::TestBucket: 1 pass",
            "test_mine.py::TestFixed: 1 pass",
            "test_mine.py::TestUndeclared: fail: overshoot",
        ]
    )
    found = re.search(r"TestAsync.*?limitproof replay (\S+)", text_of(result), re.S)
    assert found is not None
    assert invoke(["replay", found[1]]) == Exit.FAIL
