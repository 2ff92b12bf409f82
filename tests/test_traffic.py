"""What each client does in each scenario, for every quota and number of clients."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator

import pytest

from limiters.contract import Quota
from limitproof.history.columns import Key
from limitproof.traffic import Flood, Send, Step, script, seconds
from scenarios.catalogue import SCENARIOS, scenario
from scenarios.model import Herd, Keys, Paced, Saturate, Scenario

EVERY_SCENARIO = pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
WINDOWS = (0.05, 1.0, 60.0)
TINY = 1e-9


def teams() -> Iterator[tuple[Quota, int]]:
    """Every quota with every number of clients; for the largest limit only one of these."""
    for window in WINDOWS:
        for limit in (1, 10):
            for clients in range(1, 41):
                yield Quota(limit, window), clients
        yield Quota(1000, window), 3


def scripts(one: Scenario, quota: Quota, clients: int, seed: int = 1) -> list[list[Step]]:
    return [list(script(one, quota, client, clients, seed)) for client in range(clients)]


def sends(steps: list[list[Step]]) -> list[tuple[float, int, Send]]:
    """All that is sent on schedule, in order of time: when, by which client, and what."""
    found = [
        (step.at, client, step)
        for client, own in enumerate(steps)
        for step in own
        if isinstance(step, Send)
    ]
    return sorted(found, key=lambda each: each[:2])


def at(step: Step) -> float:
    return step.start if isinstance(step, Flood) else step.at


def active(phase: Herd | Paced | Saturate, clients: int) -> int:
    """How many clients take part; a herd larger than all there are does not come."""
    if isinstance(phase, Herd):
        return phase.clients if phase.clients <= clients else 0
    return min(phase.clients or clients, clients)


@EVERY_SCENARIO
def test_steps_are_in_order_of_time_and_within_the_scenario(one: Scenario) -> None:
    for quota, clients in teams():
        for steps in scripts(one, quota, clients):
            instants = [at(step) for step in steps]
            assert instants == sorted(instants)
            for step in steps:
                end = step.until if isinstance(step, Flood) else step.at
                assert 0 <= at(step) <= end <= one.duration * quota.window * (1 + TINY)


@EVERY_SCENARIO
def test_as_much_is_sent_as_the_scenario_says(one: Scenario) -> None:
    for quota, clients in teams():
        steps = scripts(one, quota, clients)
        herds: Counter[tuple[float, str]] = Counter()
        loops = 0
        for phase in one.phases:
            if isinstance(phase, Paced):
                loops += round(phase.rate * quota.limit * phase.duration)
            elif isinstance(phase, Herd) and active(phase, clients):
                herds[phase.start * quota.window, f"{one.name}/{phase.key}"] = max(
                    1, round(phase.requests * quota.limit)
                )
        of_herds: Counter[tuple[float, str]] = Counter()
        of_loops = 0
        for when, _, step in sends(steps):
            if (when, step.key.name) in herds:
                of_herds[when, step.key.name] += step.count
            else:
                of_loops += step.count
        assert of_herds == herds
        assert of_loops == loops
        floods = sum(isinstance(step, Flood) for own in steps for step in own)
        expected = [active(p, clients) for p in one.phases if isinstance(p, Saturate)]
        assert floods == sum(expected)


@pytest.mark.parametrize(
    "one",
    [one for one in SCENARIOS if any(isinstance(phase, Herd) for phase in one.phases)],
    ids=lambda one: one.name,
)
def test_a_herd_is_shared_evenly(one: Scenario) -> None:
    for quota, clients in teams():
        shares: dict[tuple[float, str], list[int]] = {}
        for when, _, step in sends(scripts(one, quota, clients)):
            shares.setdefault((when, step.key.name), []).append(step.count)
        assert all(max(counts) - min(counts) <= 1 for counts in shares.values())


@EVERY_SCENARIO
def test_a_key_tells_its_scenario_and_who_uses_it(one: Scenario) -> None:
    for quota, clients in teams():
        crowds = {active(phase, clients) for phase in one.phases} | {clients}
        for steps in scripts(one, quota, clients):
            for step in steps:
                key = step.key_at(at(step)) if isinstance(step, Flood) else step.key
                assert key.scenario == one.name
                assert key.name.startswith(f"{one.name}/")
                assert key.clients in crowds


@pytest.mark.parametrize(
    "one", [one for one in SCENARIOS if one.sequential], ids=lambda one: one.name
)
def test_a_sequential_scenario_never_sends_two_at_one_instant(one: Scenario) -> None:
    for quota, clients in teams():
        instants = [when for when, _, _ in sends(scripts(one, quota, clients))]
        assert len(set(instants)) == len(instants) > 0


@pytest.mark.parametrize("limit", [1, 10, 1000])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("clients", [1, 2, 3])
def test_in_take_turns_the_clients_alternate_evenly(
    limit: int, window: float, clients: int
) -> None:
    sent = sends(scripts(scenario("take_turns"), Quota(limit, window), clients))
    assert [client for _, client, _ in sent] == [n % clients for n in range(5 * limit)]
    gap = window / (2 * limit)
    assert [when for when, _, _ in sent] == pytest.approx([n * gap for n in range(5 * limit)])


def test_a_long_open_loop_does_not_drift() -> None:
    """A gap of 1/3 s, a million times."""
    one = Scenario("long", "", (Paced(0.0, 1e6 / 3, 1.0),), ())
    (last,) = deque(script(one, Quota(3, 1.0), 0, 1, 0), maxlen=1)
    assert at(last) == pytest.approx((1e6 - 1) / 3, abs=1e-6)


@EVERY_SCENARIO
def test_the_same_seed_gives_the_same_script(one: Scenario) -> None:
    def told(seed: int) -> list[object]:
        steps = [step for own in scripts(one, Quota(10, 1.0), 5, seed) for step in own]
        return [
            [step.start, step.until, *(step.key_at(n / 10) for n in range(50))]
            if isinstance(step, Flood)
            else step
            for step in steps
        ]

    assert told(7) == told(7)
    by_chance = one.keys.count > 1
    assert (told(7) != told(8)) == by_chance


def test_clients_choose_their_keys_each_for_itself() -> None:
    floods = [own[0] for own in scripts(scenario("many_keys"), Quota(10, 1.0), 2)]
    one, other = ([f.key_at(0.0) for _ in range(50)] for f in floods if isinstance(f, Flood))
    assert one != other


def test_many_keys_follow_the_law_of_zipf() -> None:
    (flood,) = script(scenario("many_keys"), Quota(10, 1.0), 0, 1, 3)
    assert isinstance(flood, Flood)
    chosen = Counter(flood.key_at(0.0).name for _ in range(20_000))
    names = [f"many_keys/{rank}" for rank in range(200)]
    assert set(chosen) <= set(names)
    assert [name for name, _ in chosen.most_common(3)] == names[:3]
    share = 1 / sum((rank + 1) ** -1.1 for rank in range(200))
    assert chosen[names[0]] / 20_000 == pytest.approx(share, rel=0.1)


def test_without_skew_all_keys_are_alike() -> None:
    one = Scenario("flat", "", (Saturate(0.0, 1.0),), (), keys=Keys(count=4, skew=0.0))
    (flood,) = script(one, Quota(1, 1.0), 0, 1, 3)
    assert isinstance(flood, Flood)
    chosen = Counter(flood.key_at(0.0).name for _ in range(4000))
    assert sorted(chosen) == [f"flat/{rank}" for rank in range(4)]
    assert min(chosen.values()) > 850


def test_a_population_that_is_replaced_never_returns() -> None:
    """`idle` has a new one each quarter of a window."""
    quota, one = Quota(10, 60.0), scenario("idle")
    last_use: dict[str, float] = {}
    generations: dict[int, list[float]] = {}
    for when, _, step in sends(scripts(one, quota, 2)):
        generation = int(step.key.name.removeprefix("idle/").partition("-")[0])
        generations.setdefault(generation, []).append(when)
        last_use[step.key.name] = when
    assert sorted(generations) == list(range(round(4 * one.duration)))
    for number, instants in generations.items():
        assert number * 15.0 <= min(instants) <= max(instants) < (number + 1) * 15.0
    assert len(last_use) > 60


def test_a_phase_may_have_keys_of_its_own() -> None:
    own = Keys(count=3, skew=0.0)
    phases = (Saturate(0.0, 1.0), Saturate(1.0, 1.0, keys=own))
    first, second = script(Scenario("two", "", phases, ()), Quota(1, 1.0), 0, 1, 0)
    assert isinstance(first, Flood)
    assert isinstance(second, Flood)
    assert {first.key_at(0.0) for _ in range(50)} == {Key("two/hot", "two", 1)}
    assert len({second.key_at(1.0) for _ in range(50)}) == 3


@EVERY_SCENARIO
def test_how_long_a_scenario_takes(one: Scenario) -> None:
    waiting = 1 if one.aligned else 0  # up to a whole window until the edge
    assert seconds(one, Quota(10, 0.5)) == pytest.approx((one.duration + waiting) * 0.5)


def test_a_thousand_clients_share_the_weights_of_a_million_keys() -> None:
    many = Scenario("many", "", (Saturate(0.0, 1.0),), (), keys=Keys(count=1_000_000))
    begun = time.process_time()
    steps = [next(script(many, Quota(1, 1.0), client, 1000, 1)) for client in range(1000)]
    assert time.process_time() - begun < 30  # each on its own would take minutes, and 32 GB
    assert all(isinstance(step, Flood) and step.key_at(0.0).name for step in steps)
