"""The command line: `gatepost COMMAND`. Exit codes: 0 done, 1 the thing asked about failed, 2 wrong usage or config."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Annotated, Any, Final, NoReturn

import typer

from gatepost.arrival.replay import ReplayError
from gatepost.service.cli.config import config_app
from gatepost.service.cli.evaluate import HELP as EVALUATE_HELP
from gatepost.service.cli.evaluate import ManyPaths, evaluate
from gatepost.service.cli.explain import HELP as EXPLAIN_HELP
from gatepost.service.cli.explain import explain_command
from gatepost.service.cli.learn import HELP as LEARN_HELP
from gatepost.service.cli.learn import learn
from gatepost.service.cli.reputation import reputation_app
from gatepost.service.cli.run import run
from gatepost.service.cli.scan import HELP as SCAN_HELP
from gatepost.service.cli.scan import scan
from gatepost.service.cli.shadow import HELP as SHADOW_HELP
from gatepost.service.cli.shadow import shadow
from gatepost.service.cli.status import HELP as STATUS_HELP
from gatepost.service.cli.status import status
from gatepost.service.cli.train import HELP as TRAIN_HELP
from gatepost.service.cli.train import train
from gatepost.service.cli.version import number, version
from gatepost.service.complaints import plain
from gatepost.service.config import ConfigError
from gatepost.service.doors import AssemblyError

_HELP: Final = """Gatepost filters mail beside the mail server you already run.

\b
Start the milter:            gatepost run
Try it on a message:         gatepost scan message.eml
Ask why it was flagged:      gatepost explain message.eml
Teach it your own mail:      gatepost learn spam Junk/
Look a sender up:            gatepost reputation show example.com
Explain every setting:       gatepost config reference
Check your config:           gatepost config check /etc/gatepost/gatepost.toml
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(help=_HELP)
def _options(
    _: Annotated[bool, typer.Option("--version", is_eager=True, callback=number, help="Print the version.")] = False,
) -> None:
    """Take what stands before a command."""


app.command()(run)
app.command(help=SCAN_HELP)(scan)
app.command("explain", help=EXPLAIN_HELP)(explain_command)
app.command(help=LEARN_HELP)(learn)
app.command(help=TRAIN_HELP)(train)
app.command(help=EVALUATE_HELP, cls=ManyPaths)(evaluate)
app.command(help=SHADOW_HELP)(shadow)
app.command(help=STATUS_HELP)(status)
app.command()(version)
app.add_typer(config_app, name="config")
app.add_typer(reputation_app, name="reputation")


_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})

# Newer versions of Typer carry their own copy of click: its usage errors are found by their place, not by their module.
_UsageError: Final = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line; an error is one clear line on standard error, never a traceback."""
    _stand_in()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no UTF-8 is shown escapes, not an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        # Not "standalone": click would answer a wrong option with four lines.
        code = app(prog_name="gatepost", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except ConfigError as error:
        _fail(error.problems, 2)
    except (AssemblyError, ReplayError) as error:
        _fail([str(error)], 2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output is gone (`gatepost scan | head`): that is no error of ours.
        _drop_output()
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM and error.filename is None:
            _drop_output()
            _fail([f"the output cannot be written: {error.strerror}"], 1)
        if isinstance(error, _UsageError):
            _wrong_usage(error)
        if os.environ.get("GATEPOST_DEBUG"):
            raise
        _fail([f"internal error: {type(error).__name__}: {error} (GATEPOST_DEBUG=1 shows the traceback)"], 1)
    sys.exit(code if isinstance(code, int) else 0)


def _drop_output() -> None:
    """Let what is still to be written go nowhere, so that the end of the process does not stumble over it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stand_in() -> None:
    """Open what the caller closed of the three standard streams (`2>&-`): else the next file or socket has its number.

    The log would go there: into the memory that guards it, or to a mail server.
    """
    for stream, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            setattr(sys, name, os.fdopen(stream, mode, encoding="utf-8"))


def _wrong_usage(error: Any) -> NoReturn:
    """Answer a wrong command line: one line, or the help where nothing was asked for."""
    command = error.ctx.command_path if error.ctx else "gatepost"
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        sys.exit(2)
    name = f"{command.partition(' ')[2]}: " if " " in command else ""
    _fail([f"{name}{error.format_message()} ({command} --help tells more)"], 2)


def _fail(lines: list[str], code: int) -> NoReturn:
    for line in lines:
        sys.stderr.write(f"gatepost: {plain(line)}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
