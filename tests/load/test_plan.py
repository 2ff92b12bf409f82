"""Scenarios are shared out among the clients that there are, and a plan survives JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limiters.contract import Quota
from limitproof.load.plan import Job, Part, Plan, Stage, stage_scenarios
from scenarios.catalogue import SCENARIOS, STAGES, scenario
from scenarios.model import Herd, Keys, Paced, Phase, Saturate, Scenario

lengths = st.floats(0, 1e6)
crowds = st.integers(1, 50)
key_choices = st.builds(Keys, st.integers(1, 1000), lengths, lengths)
phases: st.SearchStrategy[Phase] = (
    st.builds(Herd, lengths, lengths, crowds, st.text())
    | st.builds(Paced, lengths, lengths, lengths, st.none() | crowds, st.none() | key_choices)
    | st.builds(Saturate, lengths, lengths, st.none() | crowds, st.none() | key_choices)
)
all_scenarios = st.builds(
    Scenario,
    name=st.text(max_size=3),
    summary=st.text(max_size=3),
    phases=st.lists(phases, max_size=3).map(tuple),
    checks=st.lists(st.text(max_size=3), max_size=3).map(tuple),
    clients=st.none() | crowds,
    keys=key_choices,
    aligned=st.booleans(),
    idle=lengths,
    sequential=st.booleans(),
)
jobs = st.builds(
    Job,
    name=st.text(),
    target=st.text(),
    quota=st.builds(Quota, st.integers(1, 10**9), st.floats(0.001, 1e6)),
    prefix=st.text(),
    stages=st.lists(
        st.builds(
            Stage,
            st.lists(st.builds(Part, all_scenarios, st.integers(0, 99), crowds), max_size=2).map(
                tuple
            ),
        ),
        max_size=2,
    ).map(tuple),
    record=st.booleans(),
    grace=lengths,
)


@given(st.lists(all_scenarios, max_size=8), st.integers(1, 40))
def test_every_scenario_gets_its_clients_and_none_is_lost(
    wanted: list[Scenario], clients: int
) -> None:
    stages = stage_scenarios(wanted, clients)
    played = [part.scenario for stage in stages for part in stage.parts]
    assert Counter(played) == Counter(wanted)
    for stage in stages:
        taken = 0
        for part in stage.parts:
            assert part.first == taken  # side by side, no client in two parts
            taken += part.clients
            if part.scenario.clients is None:
                assert part.clients >= min(2, clients)
            else:
                assert part.clients == min(part.scenario.clients, clients)
        assert taken <= clients
        if any(part.scenario.clients is None for part in stage.parts):
            assert taken == clients  # who wants all leaves none idle


@given(st.lists(all_scenarios, min_size=1, max_size=8), st.integers(1, 40))
def test_a_client_plays_the_part_that_it_is_in(wanted: list[Scenario], clients: int) -> None:
    for stage in stage_scenarios(wanted, clients):
        crowd = Counter(stage.part_of(client) for client in range(clients))
        idle = crowd.pop(None, 0)
        assert sum(crowd.values()) + idle == clients
        assert crowd == {part: part.clients for part in stage.parts}
        assert stage.part_of(clients) is None


def test_a_full_run_of_sixteen_clients_takes_three_stages() -> None:
    groups = [[scenario(name) for name in names] for names in STAGES]
    staged = [stage_scenarios(group, 16) for group in groups]
    assert [len(stages) for stages in staged] == [1, 1, 1]
    ((last,),) = staged[2:]
    parts = {part.scenario.name: part.clients for part in last.parts}
    assert parts == {
        "sustained": 4, "window_edge": 1, "hammer_then_calm": 4,
        "take_turns": 2, "many_keys": 3, "idle": 2,
    }  # fmt: skip


def test_with_few_clients_scenarios_follow_each_other() -> None:
    stages = stage_scenarios([scenario("sustained"), scenario("take_turns")], 2)
    assert [[p.scenario.name for p in stage.parts] for stage in stages] == [
        ["sustained"], ["take_turns"],
    ]  # fmt: skip


def test_a_stage_takes_as_long_as_its_longest_part() -> None:
    sustained = scenario("sustained").stretched(5.0)
    parts = (Part(sustained, 0, 2), Part(scenario("window_edge"), 2, 1))
    quota = Quota(10, 0.5)
    assert Stage(parts).seconds(quota) == 2.5
    job = Job("job", "target", quota, "prefix:", (Stage(parts), Stage(parts[:1])))
    assert job.seconds == 5.0
    assert Stage(parts).most_seconds(quota) == 2.5 + 3  # three herds of a slow limiter


@given(st.lists(jobs, max_size=3))
def test_a_plan_survives_json(own: list[Job]) -> None:
    plan = Plan("unix:///a/socket", "/a/folder", 7, 2, 8, tuple(own))
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.total_clients == 16


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_the_catalogue_survives_json(one: Scenario) -> None:
    for changed in (one, one.stretched(2.0), one.at_rate(3.0), replace(one, keys=Keys(5))):
        job = Job("job", "target", Quota(10, 1.0), "p:", (Stage((Part(changed, 0, 1),)),))
        plan = Plan("url", "", 0, 1, 1, (job,))
        assert Plan.from_json(plan.to_json()) == plan
