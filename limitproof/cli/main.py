"""The command group, and what becomes of every error."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from limiters.registry import TargetError
from limitproof import __version__
from limitproof.cli.check import check
from limitproof.cli.doctor import doctor
from limitproof.cli.exits import Exit
from limitproof.cli.explore import explore
from limitproof.cli.listing import listing
from limitproof.cli.load import load, memory
from limitproof.cli.replay import replay
from limitproof.cli.report import report
from limitproof.cli.run import run
from limitproof.cli.verify import command as verify
from limitproof.history.storage import HistoryError
from limitproof.load.locust import LocustError
from limitproof.servers.errors import AddressError, ServerError


class Commands(click.Group):
    """A group whose list of commands says of each its whole first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            known = [(name, self.get_command(ctx, name)) for name in self.commands]
            formatter.write_dl([(name, one.get_short_help_str(999)) for name, one in known if one])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="limitproof")
def limitproof() -> None:
    """Find out whether a Redis-backed rate limiter keeps its promise.

    A TARGET is a registered name (`limitproof list limiters`), package.module:factory, or
    path/to/file.py:factory.

    Exit codes: 0 pass, 1 fail, 2 usage, 3 unknown, 4 environment, 70 internal error.
    """


for command in (run, verify, explore, load, memory, check, replay, listing, report, doctor):
    limitproof.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name need not be text
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Every error of a user's is one line."""
    try:
        code = limitproof.main(arguments, prog_name="limitproof", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _say(error.format_message(), Exit.USAGE)
    except (AddressError, TargetError, HistoryError) as error:
        return _say(error, Exit.USAGE)
    except (ServerError, LocustError) as error:
        return _say(error, Exit.ENVIRONMENT)
    except (click.Abort, KeyboardInterrupt):
        return _say("stopped by Ctrl-C before anything was recorded", Exit.UNKNOWN)
    except BrokenPipeError:
        return Exit.PASS  # the reader has seen enough: `limitproof list limiters | head`
    except OSError as error:
        return _say(_os_error(error), Exit.ENVIRONMENT)
    except Exception:  # noqa: BLE001 - the last line of defence: ours, so with all there is
        traceback.print_exc()
        return _say("internal error; please report the lines above", Exit.INTERNAL)
    return code if isinstance(code, int) else Exit.PASS


def _os_error(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"cannot read or write{where}: {error.strerror or error}; is there room, and may we?"


def _say(message: object, code: Exit) -> Exit:
    text = " ".join(str(message).split())
    click.echo(f"limitproof: {text}", err=True)
    return code
