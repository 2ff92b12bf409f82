"""`python -m limiters.adapters install [NAME…]`; `list` tells what is listed, and what is there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from limiters.adapters.install import InstallError, install
from limiters.adapters.packages import is_there, known_packages, package
from limiters.registry import TargetError


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when it is done, 2 for a package that is not listed, 4 when pip fails."""
    parser = argparse.ArgumentParser(prog="python -m limiters.adapters", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    installing = verbs.add_parser("install", help="put packages into their folders")
    installing.add_argument("names", nargs="*", metavar="NAME", help="such as limits-5.8.0; or all")
    verbs.add_parser("list", help="what is listed, and what is there")
    asked = parser.parse_args(arguments)
    if asked.verb == "list":
        for one in known_packages():
            sys.stdout.write(f"{one.label}{'' if is_there(one) else '  (not there)'}\n")
        return 0
    try:
        for done in install(list(map(package, asked.names)) or known_packages()):
            sys.stdout.write(f"installed {done.label}\n")
    except TargetError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except InstallError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
