"""All directed experiments, in the order in which they are told."""

from __future__ import annotations

from limitproof.verify.experiments.clock_skew import CLOCK_SKEW
from limitproof.verify.experiments.cluster import CLUSTER
from limitproof.verify.experiments.crash import CRASH
from limitproof.verify.experiments.expiry import EXPIRY
from limitproof.verify.experiments.isolation import ISOLATION
from limitproof.verify.experiments.lost_reply import LOST_REPLY
from limitproof.verify.experiments.memory import MEMORY
from limitproof.verify.experiments.script_flush import SCRIPT_FLUSH
from limitproof.verify.laboratory import Check

EXPERIMENTS: tuple[Check, ...] = (
    ISOLATION,
    MEMORY,
    EXPIRY,
    CRASH,
    LOST_REPLY,
    CLOCK_SKEW,
    CLUSTER,
    SCRIPT_FLUSH,  # last: a limiter that loads its script once for a process is spoilt by it
)
