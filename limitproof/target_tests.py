"""What `pytest --limitproof-target TARGET` runs: the checks of one limiter, without any class."""

from __future__ import annotations

import pytest

from limitproof.testing import LimiterContract


class TestTarget(LimiterContract):
    """The limiter that the option names."""

    @staticmethod
    def limitproof_target(config: pytest.Config) -> str:
        """The TARGET of the command line."""
        target: str = config.getoption("--limitproof-target")
        return target
