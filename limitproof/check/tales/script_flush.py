"""`script-flush`: a server that has forgotten its scripts changes no answer."""

from __future__ import annotations

from limitproof.check.tales.acts import acts, answer
from limitproof.check.tales.alike import answered_alike
from limitproof.history.outcome import Outcome
from limitproof.stories import Forget, Story, Tale

FORGOTTEN = ("NOSCRIPT", "NoScriptError", "No matching script")


def script_flush(tale: Tale, story: Story) -> str:
    """Which request is answered otherwise because the scripts were flushed; "" when none is.

    Two acts of the same requests: without SCRIPT FLUSH, and with it. That a script is missing is
    held against the limiter in either: who loads it once for a whole process has it in neither.
    """
    parts = acts(tale)
    flushes = sum(isinstance(one, Forget) for one in story.events)
    if not flushes or len(parts) != 2:
        return ""
    calm, flushed = (part.operations for part in parts)
    for number, (one, other) in enumerate(zip(flushed, calm, strict=True), 1):
        missing = one.outcome is Outcome.ERROR and any(said in one.error for said in FORGOTTEN)
        if missing or not answered_alike(one, other):
            later = any(
                later.outcome is not Outcome.ERROR
                for later in flushed[number:]
                if later.client == one.client
            )
            end = ", and works again later" if later else ""
            before = "" if missing else f", which {answer(other)} without it"
            return f"after SCRIPT FLUSH request {number} {answer(one)}{before}{end}"
    return ""


def script_commands(tale: Tale) -> dict[str, int]:
    """How often each command that runs a script or a function was sent, by name."""
    found: dict[str, int] = {}
    for happening in tale.happenings:
        for words in happening.raw:
            name = words[0].decode("ascii", "replace").upper()
            if name.removesuffix("_RO") in ("EVAL", "EVALSHA", "FCALL"):
                found[name] = found.get(name, 0) + 1
    return found
