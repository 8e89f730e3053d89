"""``metaopt init``: write the files of a new problem for a user to edit."""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import metaopt
from metaopt.cli.arguments import Parser, one_of
from metaopt.cli.errors import guarded
from metaopt.errors import UserError
from metaopt.files.atomic_files import write_bytes
from metaopt.problems.loading import NETWORK, SPACE
from metaopt.terminal.commands import absolute, command, shown, start_in
from metaopt.terminal.printable import printable, shell_word
from metaopt.terminal.wrapping import print_wrapped

README = "README.md"
KINDS = ("images", "signals", "image_targets")
_STARTER = Path(metaopt.__path__[0]) / "zoo" / "starter"
_TITLES = {
    "images": "A search for a network for images",
    "signals": "A search for a network for signals",
    "image_targets": "A search for a network from images to images",
}

_COMMANDS = (
    ("check --data {data}", "faults of the two files, in a second or two"),
    ("search --data {data} --dry-run", "what a search would do: data, limits, time and memory of a trial"),
    ("search --data {data}", "search; Ctrl-C stops it, and the same command resumes it"),
    ("report", "figures of what was found, in results/figures"),
    ("best", "the best hyperparameters"),
    ("retrain", "train the best network on all training images, and test it once"),
)
"""Arguments of the commands that a README lists, and what they do."""


def main(argv: Sequence[str] | None = None, *, prog: str = "metaopt init") -> int:
    """Run the command and return its exit code."""
    return guarded(lambda: run(make_parser(prog).parse_args(argv)), prints_its_result=False)


def make_parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description=f"Writes {SPACE}, {NETWORK} and {README} for a problem of your own into a folder. They are a search"
        " that runs as it is: edit the files, and check them with `metaopt check`.",
    )
    parser.add_argument("folder", type=absolute, metavar="DIR", help="the folder; created if it is missing")
    parser.add_argument(
        "--data", metavar="DATA", help="your images or signals, as for a search: their kind decides the networks"
    )
    kind = f"kind of the networks: {', '.join(KINDS)} (default: that of the data, or images)"
    parser.add_argument("--kind", type=one_of(KINDS), help=kind)
    return parser


def run(arguments: Namespace) -> None:
    """Write the files, and say what to do next.

    Raises:
        UserError: A file exists already, or the data cannot be loaded.
        ResultsNotWritable: A file cannot be written.
    """
    folder: Path = arguments.folder
    names = (SPACE, NETWORK, README)
    for path in (folder / name for name in names):
        if os.path.lexists(path):
            raise UserError(f"{shown(path)} exists already, and nothing was written. Choose another folder.")
    data = None if arguments.data is None else _located(arguments.data)
    kind = arguments.kind or ("images" if data is None else _find_kind(data))
    given = "DATA" if data is None else shell_word(_from_folder(data, folder))
    texts = {name: (_STARTER / kind / name).read_text(encoding="utf-8") for name in (SPACE, NETWORK)}
    texts[README] = _write_readme(kind, given, start_in(folder))
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
        print(printable(shown(folder / name)))
    where = [] if data is None else ["--data", data]
    check = command("check", folder, *where)
    print_wrapped(f"Written for {kind.replace('_', ' ')}. Edit them, then `{printable(check)}`.", file=sys.stderr)


def _located(data: str) -> str:
    """Return the name of a built-in data set, or an absolute path."""
    from metaopt.data import NAMES  # scikit-learn takes long to import

    return data if data in ("auto", *NAMES) else str(absolute(data))


def _find_kind(data: str) -> str:
    """Return the kind of the networks that data need.

    Raises:
        UserError: The data cannot be loaded.
    """
    from metaopt.data import DataSpec, load, resolve
    from metaopt.data.target_kinds import check_new_heads
    from metaopt.outputs import ImageOutput

    spec, _ = resolve(DataSpec(data), gpu=False)
    found = load(spec)
    check_new_heads(found.outputs, found.name)
    if any(isinstance(output, ImageOutput) for output in found.outputs.values()):
        return "image_targets"
    return "signals" if len(found.input_shape) == 2 else "images"


def _from_folder(data: str, folder: Path) -> str:
    return os.path.relpath(data, folder) if os.path.isabs(data) else data


def _write_readme(kind: str, data: str, start: str) -> str:
    """Return the text of the README.

    Args:
        kind: one of ``KINDS``.
        data: the data set, as a word for a shell in the folder.
        start: words that start metaopt.
    """
    pairs = [(f"{start} {words.format(data=data)}", text) for words, text in _COMMANDS]
    width = max(len(words) for words, _ in pairs)
    commands = "\n".join(f"    {words:<{width}}    # {text}" for words, text in pairs)
    return f"""# {_TITLES[kind]}

- `{SPACE}` is the search space: what the search may choose, and within which ranges.
- `{NETWORK}` makes the network and the training configuration of one point of that space.

Run these commands in this folder.

{commands}

## To add a hyperparameter

1. Add a line to `space` in `{SPACE}`, e.g. `"activation": hp.choice("activation", ["relu", "gelu"])`.
2. Read it in `{NETWORK}`, e.g. `Activation(point["activation"])`.
3. Add it to `default` in `{SPACE}`, the point that is tried first, or remove `default`.
4. Run the check: it tells what does not fit together, and which hyperparameters nothing reads.

A study in `results/` belongs to its space: after an edit, start another one with `--results another_folder`, and let it
begin with the best points of the first one: `--start-from results`.

Limits are hard, e.g. `--constraint 'params<=200k'`. `{start} search --help` shows all options.
"""
