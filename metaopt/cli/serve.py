"""``metaopt serve``: serve the pages of studies, kept up to date while searches run."""

import argparse
from argparse import Namespace
from collections.abc import Sequence

from metaopt.cli.arguments import Parser, add_results, port
from metaopt.cli.errors import guarded
from metaopt.server.run import HOST, PORT, serve
from metaopt.terminal.commands import absolute
from metaopt.terminal.printable import printable


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt serve") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)), "stopped.")


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Serves the page of `metaopt report` for a browser on this machine, up to date while searches run."
        " Several studies, or a folder that holds studies, are shown side by side. Nothing can be changed through it.",
    )
    studies = "folders of studies, or folders that hold studies"
    parser.add_argument("studies", nargs="*", type=absolute, metavar="STUDY", help=studies)
    parser.add_argument("--port", type=port, default=PORT, metavar="PORT", help="the port; 0 for a free one")
    hosts = "the address to listen on; 0.0.0.0 lets every machine of the network read the studies"
    parser.add_argument("--host", default=HOST, metavar="ADDRESS", help=hosts)
    names = "a further name under which browsers may ask, e.g. that of this machine; may be repeated"
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME", help=names)
    parser.add_argument("--until-closed", action="store_true", help=argparse.SUPPRESS)  # by a search, see child.py
    add_results(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Serve until Ctrl-C.

    Raises:
        UserError: There is no study, a library is missing, or the port is in use.
    """
    from metaopt.server.child import end_with_standard_input

    places = arguments.studies or [arguments.results]
    serve(
        places,
        arguments.port,
        arguments.host,
        arguments.allow_host,
        started=lambda address: print(f"{printable(address)} (Ctrl-C stops it)", flush=True),
        ends=end_with_standard_input() if arguments.until_closed else None,
    )
