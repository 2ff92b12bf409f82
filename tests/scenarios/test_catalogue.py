"""Every scenario is found by name, played by a full run, and shows checks that exist."""

from __future__ import annotations

import pkgutil

import pytest

import scenarios
from limitproof.check.judge import CHECKS
from scenarios.catalogue import CONTROLS, SCENARIOS, STAGES, scenario
from scenarios.model import Scenario

EVERY_SCENARIO = pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)


def test_every_file_is_in_the_catalogue_under_its_own_name() -> None:
    files = {module.name for module in pkgutil.iter_modules(scenarios.__path__)}
    assert sorted(one.name for one in SCENARIOS) == sorted(files - {"catalogue", "model"})


@EVERY_SCENARIO
def test_a_scenario_is_found_by_name_and_told_in_one_line(one: Scenario) -> None:
    assert scenario(one.name) is one
    assert one.summary
    assert "\n" not in one.summary


@EVERY_SCENARIO
def test_a_scenario_is_made_for_checks_that_exist(one: Scenario) -> None:
    assert one.checks
    assert set(one.checks) <= {check.name for check in CHECKS}


def test_every_check_has_a_scenario_that_is_made_for_it() -> None:
    shown = {check for one in SCENARIOS for check in one.checks}
    assert shown == {check.name for check in CHECKS} - {"contract"}  # that holds always


@EVERY_SCENARIO
def test_expiry_is_only_promised_with_silence_at_the_end(one: Scenario) -> None:
    assert ("expiry" in one.checks) == (one.idle > 0)


def test_a_full_run_plays_every_scenario_once() -> None:
    played = [name for stage in STAGES for name in stage]
    assert sorted(played) == sorted(one.name for one in SCENARIOS)


def test_controls_are_the_scenarios_without_interleaving() -> None:
    assert {one.name for one in CONTROLS} == {"same_instant", "take_turns", "window_edge"}
    assert all(one.sequential for one in CONTROLS)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no scenario 'brust'; did you mean burst\?"):
        scenario("brust")
    with pytest.raises(ValueError, match=r"choose from burst, .* idle, ") as caught:
        scenario("xyz")
    assert "\n" not in str(caught.value)
