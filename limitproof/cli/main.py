"""The command group, and what becomes of every error."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import NoReturn

import click
import redis

from limiters.registry import TargetError
from limitproof import __version__
from limitproof.cli.exits import Exit
from limitproof.cli.supervised import supervised
from limitproof.errors import BadEnvironmentError, BadInputError, guess
from limitproof.servers.errors import AddressError, ServerError, SilentServerError

COMMANDS = {
    "run": "limitproof.cli.run:run",
    "verify": "limitproof.cli.verify:command",
    "explore": "limitproof.cli.explore:explore",
    "load": "limitproof.cli.load:load",
    "memory": "limitproof.cli.load:memory",
    "check": "limitproof.cli.check:check",
    "replay": "limitproof.cli.replay:replay",
    "list": "limitproof.cli.listing:listing",
    "report": "limitproof.cli.report:report",
    "doctor": "limitproof.cli.doctor:doctor",
}
"""Where each command is: only the one that is asked for is imported, which takes half a second."""
SUPERVISED = frozenset({"explore", "replay", "run", "verify"})
"""Commands that let a limiter run, in their own process or in children."""


class Commands(click.Group):
    """A group that imports a command when it is asked for, and lists its whole first sentence.

    Source of the way: click's documentation, "Lazily Loading Subcommands".
    """

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(import_module(module), name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            known = f"{guess(args[0], COMMANDS)}there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no such command: {args[0]!r}; {known}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            known = [(name, self.get_command(ctx, name)) for name in COMMANDS]
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


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name need not be text
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] and given[0] in SUPERVISED:
        sys.exit(supervised(partial(invoke, given)))
    sys.exit(invoke(given))


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
    except (AddressError, TargetError, BadInputError) as error:
        return _say(error, Exit.USAGE)
    except SilentServerError as error:
        return _say(f"the limiter hangs: {error}", Exit.UNKNOWN)
    except (ServerError, BadEnvironmentError) as error:
        return _say(error, Exit.ENVIRONMENT)
    except redis.ConnectionError as error:  # of a client of ours; a limiter's is its own answer
        return _say(f"Redis went away: {error}; start again", Exit.ENVIRONMENT)
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
