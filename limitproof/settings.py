"""What a project says of limitproof in its pyproject.toml: [tool.limitproof].

Read by `limitproof verify` in the current directory, and by pytest in its rootdir.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from limitproof.errors import BadInputError, guess

NAME = "pyproject.toml"
TABLE = "[tool.limitproof]"
KEYS = ("accept",)


@dataclass(frozen=True, slots=True)
class Settings:
    """accept: the checks whose failures are risks that the project knows."""

    accept: tuple[str, ...] = ()


def read_settings(folder: Path) -> Settings:
    """The settings of the pyproject.toml in a folder; without one, or without the table, none.

    Raises BadInputError for a file that is no TOML, and for a key that means nothing: an `acept`
    that is passed over in silence fails a build for a risk that was accepted. Whether the names
    are checks is for whoever knows them.
    """
    path = folder / NAME
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise BadInputError(f"{path} is no TOML: {error}; correct it first") from error
    tool = data.get("tool", {})
    table = tool.get("limitproof", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise BadInputError(f"tool.limitproof in {path} must be a table, not {table!r}")
    for key in table:
        if key not in KEYS:
            known = f"{guess(key, KEYS)}there is {', '.join(KEYS)}"
            raise BadInputError(f"{TABLE} in {path} has no key {key!r}; {known}")
    accept = table.get("accept", [])
    if not isinstance(accept, list) or not all(isinstance(one, str) for one in accept):
        raise BadInputError(
            f'accept in {TABLE} of {path} must be a list of checks, as ["crash"]: {accept!r}'
        )
    return Settings(tuple(accept))
