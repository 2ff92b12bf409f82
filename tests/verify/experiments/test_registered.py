"""Every limiter that has a name fails what the registry says of it, with its cause, and no more."""

from __future__ import annotations

import json

import pytest

from limiters.contract import Quota
from limiters.registry import KNOWN, Entry
from limitproof.check.verdict import Verdict
from limitproof.simulate.refusal import LocalStateError
from limitproof.stories import Story
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.experiments.experiment import Experiment
from limitproof.verify.laboratory import Check, Examined, Laboratory
from limitproof.verify.player import play
from tests.verify.experiments.conftest import OpenLaboratory

pytestmark = pytest.mark.usefixtures("fewer_windows")
ONE_SIDED = {"unlimited": {"isolation", "memory", "expiry", "clock-skew"}}
"""Who never refuses shows nothing by passing; see tests/verify/test_one_sided.py."""
OTHERS = ((1, 1.0), (100, 60.0), (2, 0.05), (3, 7200.0))


SIMULATED = [one for one in KNOWN if one.name != "in_process"]
NOT_TOLD = {
    "unlimited": {
        "crash": "it sends nothing: there is no step to die after",
        "lost-reply": "it sends nothing: there is nothing to be lost",
        "cluster": "it sends nothing: it touches no key",
        "script-flush": "it runs no script",
    },
    "fixed_window": {"script-flush": "it runs no script"},
}


def replayed(laboratory: Laboratory, check: Check, examined: Examined) -> str:
    """What the judge alone says of the kept story, played once more."""
    assert examined.story is not None
    story = Story.from_json(json.loads(json.dumps(examined.story.to_json())))
    with laboratory.world(quota=Quota(story.limit, story.window)) as world:
        return check.judge(play(world, story.events, shown=True), story)


@pytest.mark.parametrize("known", SIMULATED, ids=lambda one: one.name)
def test_it_fails_what_the_registry_says(laboratory_of: OpenLaboratory, known: Entry) -> None:
    """Also what is not told, and that the same again says the same."""
    laboratory = laboratory_of(known.name)
    found = {check.name: check.examine(laboratory) for check in EXPERIMENTS}
    failed = {
        name: str(one.result.cause)
        for name, one in found.items()
        if one.result.verdict is Verdict.FAIL
    }
    assert failed == {name: known.fails[name] for name in found if name in known.fails}  # type: ignore[index]
    unknown = {name for name, one in found.items() if one.result.verdict is Verdict.UNKNOWN}
    assert unknown == ONE_SIDED.get(known.name, set())
    if known.name in NOT_TOLD:
        results = [one.result for one in found.values()]
        untold = {one.name: one.because for one in results if one.verdict is Verdict.NOT_TOLD}
        assert untold == NOT_TOLD[known.name]
    for check in EXPERIMENTS if known.name == "add_then_count" else ():
        assert check.examine(laboratory_of(known.name)) == found[check.name]
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
