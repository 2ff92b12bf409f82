"""A limit that is larger than those at which most is looked at is asked for once, at least."""

from __future__ import annotations

import pytest

from limiters.contract import Quota
from limiters.promise import TokenBucket
from limiters.registry import resolve
from limitproof.check.verdict import Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.contract import CONTRACT
from limitproof.verify.laboratory import MORE_TIME, Examined, Laboratory, Subject
from limitproof.verify.machine import Campaign

IN_EIGHT_BITS = "tests.verify.experiments.awkward:InEightBits"


def overshoot_at(target: str, limit: int, server: VirtualServer) -> Examined:
    subject = Subject(resolve(target), Quota(limit, 1.0))
    campaign = Campaign(
        Laboratory(subject, server, 10_000.0), ["overshoot"], examples=1, shortening=0.1
    )
    campaign._asked_for()
    campaign._shorten()
    return campaign.results()["overshoot"]


@pytest.mark.parametrize(("target", "found"), [(IN_EIGHT_BITS, True), ("fixed_window", False)])
def test_the_given_limit_is_asked_for(
    moving_server: VirtualServer, target: str, found: bool
) -> None:
    result = overshoot_at(target, 300, moving_server).result
    assert result.measured["limits"] == [300]
    assert (result.verdict is Verdict.FAIL) is found
    if found:
        assert result.because.startswith("302 requests admitted at 0 ms, where")


def test_who_is_refused_often_is_not_to_be_shut_out(moving_server: VirtualServer) -> None:
    subject = Subject(resolve("tests.verify.experiments.awkward:ShutsOut"), Quota(4, 1.0))
    names = ["false-rejection", "contamination"]
    campaign = Campaign(Laboratory(subject, moving_server, 10_000.0), names, shortening=0.1)
    campaign._directed(Quota(4, 1.0))
    campaign._shorten()
    for name in names:
        result = campaign.results()[name].result
        assert result.verdict is Verdict.FAIL, (name, result.because)


@pytest.mark.parametrize(
    ("target", "limit", "verdict"),
    [
        (IN_EIGHT_BITS, 300, Verdict.UNKNOWN),
        (IN_EIGHT_BITS, 30, Verdict.PASS),
        ("fixed_window", 300, Verdict.PASS),
        ("unlimited", 20, Verdict.UNKNOWN),
    ],
)
def test_a_contract_in_which_nothing_is_refused_is_no_plain_pass(
    moving_server: VirtualServer, target: str, limit: int, verdict: Verdict
) -> None:
    laboratory = Laboratory(Subject(resolve(target), Quota(limit, 1.0)), moving_server, 10_000.0)
    assert CONTRACT.examine(laboratory).result.verdict is verdict


def test_a_pass_says_that_it_was_cut_short(moving_server: VirtualServer) -> None:
    subject = Subject(resolve("fixed_window"), Quota(4, 1.0))
    campaign = Campaign(Laboratory(subject, moving_server, 10_000.0), ["overshoot"])
    campaign._directed(Quota(4, 1.0))
    campaign._tally.counts["stories"] += 1_000  # as a whole campaign has
    whole = campaign._without("overshoot")
    campaign._cut_short.append("state machine (race)")
    assert campaign._without("overshoot") == (
        whole[0],
        f"{whole[1]}; cut short where there was no time: {MORE_TIME}",
    )
    assert whole[0] is Verdict.PASS


def test_a_contract_is_asked_for_where_too_many_pass_at_once(moving_server: VirtualServer) -> None:
    subject = Subject(resolve("fixed_window"), Quota(600, 1.0), TokenBucket(600.0, 5_000.0))
    result = CONTRACT.examine(Laboratory(subject, moving_server, 10_000.0)).result
    assert result.verdict is Verdict.PASS, result.because
