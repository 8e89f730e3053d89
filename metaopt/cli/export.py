"""``metaopt export``: a study for other programs, or a model for other frameworks.

Each family of targets is a module with ``TARGETS`` (name → what it writes), ``add_flags`` and ``run``.
"""

from argparse import Namespace, _ArgumentGroup
from collections.abc import Mapping, Sequence
from typing import Protocol

from metaopt.cli import export_model, export_study
from metaopt.cli.arguments import Parser, add_study, one_of
from metaopt.cli.errors import guarded
from metaopt.terminal.commands import absolute


class Family(Protocol):
    """Targets of one kind of source."""

    TARGETS: Mapping[str, str]

    def add_flags(self, group: _ArgumentGroup) -> None:
        """Add the flags that only these targets read; each is None where it is not given."""

    def run(self, arguments: Namespace) -> None:
        """Export ``arguments.results``, the source, to ``arguments.output``, or a name of the target's own if None."""


FAMILIES: Mapping[str, Family] = {"of a study": export_study, "of a model": export_model}


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt export") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)), prints_its_result=False)


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Writes the trials of a study for other programs, or a model of retrain for other frameworks. The"
        " first argument is the study, or the model's file. A file that exists is never replaced.",
    )
    add_study(parser)
    targets = {name: text for family in FAMILIES.values() for name, text in family.TARGETS.items()}
    described = "; ".join(f"{name}: {text}" for name, text in targets.items())
    parser.add_argument("--to", required=True, type=one_of(tuple(targets)), metavar="TARGET", help=described)
    output = "what to write; it must not exist (default: named after the source, in the current folder)"
    parser.add_argument("-o", "--output", type=absolute, metavar="PATH", help=output)
    for title, family in FAMILIES.items():
        family.add_flags(parser.add_argument_group(f"targets {title} ({', '.join(family.TARGETS)})"))
    return parser


def run(arguments: Namespace) -> None:
    """Export.

    Raises:
        UserError: The source cannot be read, the output exists, or a library is missing.
    """
    next(family for family in FAMILIES.values() if arguments.to in family.TARGETS).run(arguments)
