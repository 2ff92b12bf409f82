"""Limiters as users break them, as tests: each fails in a line, and the others are judged."""

from __future__ import annotations

import pytest

from limitproof.simulate.unstoppable import UNSTOPPABLE
from tests.pytest_plugin.conftest import ATOMIC, Sandbox, text_of
from tests.verify.broken import HEAD, SPOILING, limiter

CLASS = """
class Test{name}(LimiterContract):
    checks = {checks}
    def make_limiter(self, client, quota, clock):
        return {name}(client, quota, clock)
"""
BODIES = {
    "Raises": ("raise ValueError('boom')", "the request at 0 ms got no Decision: ValueError: boom"),
    "Nothing": ("return None", "acquire returned None, which is no Decision"),
    "Yes": ("return 'yes'", "acquire returned 'yes', which is no Decision"),
    "Forks": ("os.fork()", "unknown: not simulated: it forks its process (os.fork)"),
    "Ends": ("os._exit(0)", "unknown: not simulated: it ends its process (os._exit)"),
    "Kills": ("os.kill(0, 9)", "unknown: not simulated: it sends signals to processes (os.kill)"),
    "Spins": ("while True: self.client.get(key)", "it sent more than 500 commands"),
    "Threads": (
        "t = threading.Thread(target=self.ask, args=(key,))\nt.start()\nt.join()",
        "unknown: not simulated: it sends from a thread or a greenlet of its own",
    ),
}


def text(names: dict[str, str], checks: list[str]) -> str:
    """A file of tests with a class for each body of an `acquire`."""
    parts = [f"{HEAD}\nfrom limitproof.testing import LimiterContract\n"]
    for name, body in names.items():
        own = limiter(body).removeprefix(HEAD).replace("class factory", f"class {name}")
        parts += [own, CLASS.format(name=name, checks=checks)]
    return "".join(parts)


def test_each_fails_in_a_line(sandbox: Sandbox) -> None:
    sandbox.write(text({name: body for name, (body, _) in BODIES.items()}, ["contract"]))
    sandbox.write(ATOMIC, more='checks = ["contract"]', name="test_right")
    result = sandbox.run("--tb=short")
    result.assert_outcomes(failed=len(BODIES), passed=1)
    said = text_of(result)
    assert "Traceback" not in said
    for name, (_, says) in BODIES.items():
        line = next(
            one for one in result.outlines if one.startswith(f"FAILED test_mine.py::Test{name}")
        )
        assert "contract" in line
        assert says in said


def test_a_script_without_an_end_is_not_the_next_limiters_fault(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limitproof.simulate.wire.PATIENCE", 0.5)
    body = SPOILING["script for ever"][0].partition("acquire(self, key):\n")[2].strip()
    sandbox.write(text({"Hangs": body}, ["contract", "crash"]))
    sandbox.write(ATOMIC, more='checks = ["contract"]', name="test_right")
    result = sandbox.run()
    result.assert_outcomes(failed=2, passed=1)
    hangs = [one for one in result.outlines if "unknown: the limiter hangs: the server has" in one]
    assert [one.partition(":")[0] for one in hangs if one[0] == "c"] == ["contract", "crash"]


def test_one_that_hangs_is_unknown_also_in_the_summary(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limitproof.simulate.watchdog.SPIN_SECONDS", 0.3)
    sandbox.write(text({"Hangs": "threading.Event().wait()"}, ["contract", "crash"]))
    result = sandbox.run()
    result.assert_outcomes(failed=2)
    said = text_of(result)
    assert "not simulated: it hangs: for 0.3 s it asked Redis nothing" in said
    assert "TestHangs: unknown: contract, crash" in said


def test_one_that_nothing_stops_ends_pytest_with_a_line(sandbox: Sandbox) -> None:
    goes_on = "while True:\n    try: threading.Event().wait()\n    except BaseException: pass"
    sandbox.write(text({"GoesOn": goes_on}, ["contract"]))
    result = sandbox.apart()
    assert result.ret == UNSTOPPABLE
    assert any(
        one.startswith("limitproof: test_mine.py::TestGoesOn::test_limitproof[contract]: the ")
        and one.endswith("; pytest ends with it")
        for one in result.errlines
    )
