"""What is said of limiters outside of their classes: in pyproject.toml, by options."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.conftest import ATOMIC, RACY, Sandbox, text_of

HEADER = "limitproof: profile ci, --limitproof-seed 0"
ACCEPTS = '[tool.limitproof]\naccept = ["crash"]\n'


def project(sandbox: Sandbox, text: str) -> None:
    """Its pyproject.toml; pytest itself does not read it with `-c pytest.ini`."""
    (sandbox.folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (sandbox.folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_what_the_project_accepts_is_added_to_what_a_class_accepts(sandbox: Sandbox) -> None:
    project(sandbox, ACCEPTS)
    sandbox.write(RACY, more='checks = ["clock-skew", "crash"]\naccept = ["clock-skew"]')
    sandbox.write(RACY, more='checks = ["clock-skew", "crash"]', name="test_other")
    result = sandbox.run()
    result.assert_outcomes(xfailed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_mine.py::TestMine: accepted: crash, clock-skew",
            "test_other.py::TestMine: fail: clock-skew; accepted: crash",
        ]
    )


def test_the_pyproject_of_the_rootdir_counts_from_wherever_pytest_is_run(sandbox: Sandbox) -> None:
    project(sandbox, ACCEPTS)
    path = sandbox.write(RACY, more='checks = ["crash"]')
    below = sandbox.folder / "below"
    below.mkdir()
    path.rename(below / path.name)
    sandbox.pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(below)
        sandbox.run().assert_outcomes(xfailed=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.limitproof]\nacept = []\n", "*no key 'acept'; did you mean accept? *"),
        ("[tool.limitproof\n", "*pyproject.toml is no TOML: *"),
    ],
)
@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n1")])
def test_a_wrong_pyproject_is_a_usage_error_in_one_line(
    sandbox: Sandbox, text: str, said: str, workers: tuple[str, ...]
) -> None:
    project(sandbox, text)
    sandbox.write(ATOMIC)
    run = sandbox.apart if workers else sandbox.run
    result = run("-c", "pytest.ini", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len([line for line in result.errlines if line.strip()]) == 1
    result.stderr.fnmatch_lines([said])


def test_a_check_that_the_project_misspells_ends_the_collection(sandbox: Sandbox) -> None:
    project(sandbox, '[tool.limitproof]\naccept = ["crush"]\n')
    sandbox.write(ATOMIC)
    result = sandbox.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["accept in [[]tool.limitproof] * 'crush'; did you mean crash? *"])
    assert "Traceback" not in text_of(result)


def test_a_file_that_says_nothing_of_limitproof_ends_nobodys_run(sandbox: Sandbox) -> None:
    project(sandbox, "[tool.other\n")
    sandbox.pytester.makepyfile("def test(): pass")
    sandbox.run("-c", "pytest.ini").assert_outcomes(passed=1)


def test_options_of_a_target_choose_and_accept(sandbox: Sandbox) -> None:
    project(sandbox, '[tool.limitproof]\naccept = ["expiry"]\n')
    result = sandbox.run(
        "--limitproof-target=fixed_window_crash", "--limitproof-checks=contract, crash",
        "--limitproof-checks=expiry,cluster", "--limitproof-skip=cluster",
        "--limitproof-accept=crash", budget=30.0,
    )  # fmt: skip
    result.assert_outcomes(passed=1, xfailed=2)
    result.stdout.fnmatch_lines(["limitproof::TestTarget: accepted: expiry, crash; 1 pass"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--limitproof-checks=crash,crush",),
            "*ERROR: --limitproof-checks: no such check: 'crush'; did you mean crash? *",
        ),
        (("--limitproof-accept=crush",), "*ERROR: --limitproof-accept: no such check: 'crush'; *"),
        (("--limitproof-checks=crash", "--limitproof-skip=crash"), "*leave no check"),
    ],
)
def test_a_wrong_name_in_an_option_is_a_usage_error(
    sandbox: Sandbox, options: tuple[str, ...], said: str
) -> None:
    result = sandbox.run("--limitproof-target=lua_atomic", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_an_option_that_would_do_nothing_is_a_usage_error(sandbox: Sandbox) -> None:
    sandbox.write(ATOMIC)
    result = sandbox.run("--limitproof-accept=crash")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--limitproof-accept: only with --limitproof-target; a class *"])


def test_a_story_that_cannot_be_stored_is_told_all_the_same(sandbox: Sandbox) -> None:
    sandbox.write(RACY, more='checks = ["crash"]')
    (sandbox.folder / ".limitproof").write_text("a file, where a folder should be")
    result = sandbox.run()
    result.assert_outcomes(failed=1)
    said = text_of(result)
    assert "crash: fail (fault): a client dies after 3 steps and leaves 'k' without a TTL" in said
    assert "ZADD k 1700000000.0" in said
    assert "Traceback" not in said
    result.stdout.fnmatch_lines(["token *: could not be stored: * give --limitproof-results a *"])


def test_the_header_is_there_for_limiters_and_for_options_only(sandbox: Sandbox) -> None:
    sandbox.pytester.makepyfile(test_other="def test(): pass")
    assert "limitproof:" not in text_of(
        sandbox.pytester.runpytest_inprocess("-p", "no:cacheprovider")
    )
    assert HEADER in text_of(sandbox.run())  # --limitproof-budget
    sandbox.write(ATOMIC, more='checks = ["contract"]')
    said = text_of(sandbox.pytester.runpytest_inprocess("--collect-only"))
    assert said.count(HEADER) == 1
    assert text_of(sandbox.run("--collect-only")).count(HEADER) == 1
    assert HEADER not in text_of(sandbox.pytester.runpytest_inprocess("--collect-only", "-q"))
