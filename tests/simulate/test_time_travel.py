"""time_machine comes without pytest where no test runs, and whole where one does."""

from __future__ import annotations

import subprocess
import sys

import pytest

ALONE = """
import sys
import limitproof.simulate.time_travel
assert "pytest" not in sys.modules
import pytest  # whoever wants it has it
assert pytest.fixture and sys.modules["pytest"] is pytest
"""
IN_A_TEST = """
import pytest
import limitproof.simulate.time_travel, time_machine
assert isinstance(time_machine.TimeMachineFixture, type) and time_machine.time_machine_fixture
"""
AFTER_ITSELF = """
import time_machine, sys
fixture = time_machine.time_machine_fixture
import limitproof.simulate.time_travel
assert time_machine.time_machine_fixture is fixture and "pytest" in sys.modules
"""


@pytest.mark.parametrize("code", [ALONE, IN_A_TEST, AFTER_ITSELF])
def test_pytest_is_neither_imported_nor_hidden(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
