"""Every limiter that has a name fails what the registry says of it, with its cause, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest

from limiters.contract import Quota
from limiters.registry import KNOWN, Entry, resolve
from limitproof.check.verdict import Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.simulate.refusal import LocalStateError
from limitproof.stories import Story
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.experiments.experiment import Experiment
from limitproof.verify.laboratory import Check, Examined, Laboratory, Subject
from limitproof.verify.player import play
from tests.verify.experiments.conftest import SECONDS, USUAL, OpenLaboratory

ONE_SIDED = {"unlimited": {"isolation", "memory", "expiry", "clock-skew"}}
"""Who never refuses shows nothing by passing; see tests/verify/test_one_sided.py."""
Once = Callable[[str], Mapping[str, Examined]]
OTHERS = ((1, 1.0), (100, 60.0), (2, 0.05), (3, 7200.0))


def worker(target: str, value: object = None) -> Any:
    """A parameter, the target unless another is given; all tests of a target on one worker."""
    group = pytest.mark.xdist_group(f"experiments {target}")
    return pytest.param(value or target, id=target, marks=group)


SIMULATED = [worker(one.name, one) for one in KNOWN if one.name != "in_process"]


@pytest.fixture(scope="module")
def found_in(moving_server: VirtualServer) -> Once:
    """What all experiments find in a limiter with a name: made once for all tests of it."""

    @cache
    def once(name: str) -> Mapping[str, Examined]:
        laboratory = Laboratory(Subject(resolve(name), USUAL), moving_server, SECONDS)
        return {check.name: check.examine(laboratory) for check in EXPERIMENTS}

    return once


def replayed(laboratory: Laboratory, check: Check, examined: Examined) -> str:
    """What the judge alone says of the kept story, played once more."""
    assert examined.story is not None
    story = Story.from_json(json.loads(json.dumps(examined.story.to_json())))
    with laboratory.world(quota=Quota(story.limit, story.window)) as world:
        return check.judge(play(world, story.events, shown=True), story)


@pytest.mark.parametrize("known", SIMULATED)
def test_it_fails_what_the_registry_says(
    found_in: Once, laboratory_of: OpenLaboratory, known: Entry
) -> None:
    laboratory, found = laboratory_of(known.name), found_in(known.name)
    failed = {
        name: str(one.result.cause)
        for name, one in found.items()
        if one.result.verdict is Verdict.FAIL
    }
    assert failed == {name: known.fails[name] for name in found if name in known.fails}  # type: ignore[index]
    unknown = {name for name, one in found.items() if one.result.verdict is Verdict.UNKNOWN}
    assert unknown == ONE_SIDED.get(known.name, set())
    for check in EXPERIMENTS:
        if check.name in failed:
            assert (
                replayed(laboratory, check, found[check.name]) == found[check.name].result.because
            )


@pytest.mark.parametrize("check", EXPERIMENTS, ids=lambda one: one.name)
def test_one_whose_state_is_in_its_process_is_not_simulated(
    laboratory_of: OpenLaboratory, check: Check
) -> None:
    with pytest.raises(LocalStateError):
        check.examine(laboratory_of("in_process"))


@pytest.mark.parametrize("target", [worker("add_then_count")])
@pytest.mark.parametrize("check", EXPERIMENTS, ids=lambda one: one.name)
def test_the_same_again_says_the_same(
    found_in: Once, laboratory_of: OpenLaboratory, check: Check, target: str
) -> None:
    first, second = found_in(target)[check.name], check.examine(laboratory_of(target))
    assert first.result == second.result
    assert first.story == second.story
    assert first.tale == second.tale


@pytest.mark.parametrize("target", [worker("unlimited")])
def test_who_sends_nothing_gives_no_handle(found_in: Once, target: str) -> None:
    told = {name: one.result for name, one in found_in(target).items()}
    assert told["crash"].because == "it sends nothing: there is no step to die after"
    assert told["lost-reply"].because == "it sends nothing: there is nothing to be lost"
    assert told["cluster"].because == "it sends nothing: it touches no key"
    untold = {name for name, one in told.items() if one.verdict is Verdict.NOT_TOLD}
    assert untold == {"crash", "lost-reply", "cluster", "script-flush"}


@pytest.mark.parametrize("target", [worker("fixed_window")])
def test_without_a_script_a_flush_is_not_told(found_in: Once, target: str) -> None:
    result = found_in(target)["script-flush"].result
    assert (result.verdict, result.because) == (Verdict.NOT_TOLD, "it runs no script")


@pytest.mark.parametrize("check", EXPERIMENTS, ids=lambda one: one.name)
@pytest.mark.parametrize("name", ["lua_atomic", "watch_multi", "two_bucket", "fixed_window"])
def test_other_quotas_accuse_nobody(
    laboratory_of: OpenLaboratory, name: str, check: Experiment
) -> None:
    """Once for each quota that the check makes of these: a limit of 100 is asked for as 3.

    That of the usual one has been seen by `test_it_fails_what_the_registry_says`.
    """
    laboratories = [laboratory_of(name, *other) for other in OTHERS]
    made = {asked_for(check, one): one for one in laboratories}
    made.pop(asked_for(check, laboratory_of(name)), None)
    assert made
    for quota, laboratory in made.items():
        if check.name not in laboratory.subject.target.entry.fails:  # type: ignore[union-attr]
            assert check.examine(laboratory).result.verdict is not Verdict.FAIL, quota


def asked_for(check: Experiment, laboratory: Laboratory) -> Quota:
    """The quota with which a check begins: all that it does hangs on this one alone."""
    first = next(iter(check.trials(laboratory, ())))
    assert first.quota is not None
    return first.quota
