"""Audit of a data set: near-duplicate images and suspicious labels, as ``audit.json`` keeps them for the report."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from metaopt.files.atomic_files import write_bytes
from metaopt.quantities import plural
from metaopt.terminal.commands import shown
from metaopt.values.json_values import dump_json

FOLDER, FILE = "audit", "audit.json"
DUPLICATES, LABELS = "near_duplicates.csv", "suspicious_labels.csv"
SHOWN = 10
"""Entries of each list that commands print; the CSV files hold all."""


@dataclass(frozen=True)
class DuplicatePair:
    """Two images that look the same.

    Attributes:
        first: name of one image.
        first_split: its split: ``training``, ``validation`` or ``test``.
        first_class: its class, or "" without classes.
        second: name of the other image.
        second_split: its split.
        second_class: its class.
        correlation: correlation of their pixels.
        is_mirrored: whether one is like the mirror image of the other.
    """

    first: str
    first_split: str
    first_class: str
    second: str
    second_split: str
    second_class: str
    correlation: float
    is_mirrored: bool

    @property
    def is_across(self) -> bool:
        """Whether they are in different splits."""
        return self.first_split != self.second_split

    @property
    def text(self) -> str:
        """The pair in one line."""
        classes = "" if self.first_class == self.second_class else f", {self.first_class} and {self.second_class}"
        kind = "mirrored, " if self.is_mirrored else ""
        return (
            f"{self.first} ({self.first_split}) and {self.second} ({self.second_split}{classes}): {kind}correlation"
            f" {self.correlation:.3f}"
        )


@dataclass(frozen=True)
class SuspiciousLabel:
    """An image whose label is suspicious.

    Attributes:
        name: name of the image.
        split: its split.
        label: its class.
        likely: the class that it counts as.
        self_confidence: out-of-fold probability of its class.
    """

    name: str
    split: str
    label: str
    likely: str
    self_confidence: float

    @property
    def text(self) -> str:
        """The label in one line."""
        return f"{self.name} ({self.split}): {self.label}, rather {self.likely}; probability {self.self_confidence:.3f}"


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Attributes:
        n_images: number of images that were compared.
        duplicates: near-duplicates, the most alike first; None where images were not compared.
        labels: suspicious labels, the most suspicious first; None where they were not looked for.
        n_labels: number of labels that were looked at.
        trial: number of the trial whose network predicted them, or None.
    """

    n_images: int
    duplicates: Sequence[DuplicatePair] | None = None
    labels: Sequence[SuspiciousLabel] | None = None
    n_labels: int = 0
    trial: int | None = None

    def write(self, folder: Path) -> list[Path]:
        """Write ``audit.json`` and the lists as CSV files into a folder, and return their paths.

        Raises:
            ResultsNotWritable: A file cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, rows in ((DUPLICATES, self.duplicates), (LABELS, self.labels)):
            if rows is not None:
                kind = DuplicatePair if name == DUPLICATES else SuspiciousLabel
                text = io.StringIO()
                table = csv.DictWriter(text, list(kind.__dataclass_fields__), lineterminator="\n")
                table.writeheader()
                table.writerows(asdict(row) for row in rows)
                write_bytes(folder / name, text.getvalue().encode())
                written.append(folder / name)
        write_bytes(folder / FILE, dump_json(asdict(self)))
        return [*written, folder / FILE]

    def describe(self, folder: Path, most: int = SHOWN) -> list[str]:
        """Return lines: the numbers, and the first entries of each list.

        Args:
            folder: folder of the files, for their names.
            most: number of entries of each list.
        """
        lines = []
        if self.duplicates is not None:
            lines.append(self._count_duplicates())
            lines += _some([one.text for one in self.duplicates], most, folder / DUPLICATES)
        if self.labels is not None:
            of = "" if self.trial is None else f", by networks of trial {self.trial}"
            lines.append(f"{plural(len(self.labels), 'suspicious label')} among {self.n_labels:,}{of}.")
            lines += _some([one.text for one in self.labels], most, folder / LABELS)
        return lines

    def _count_duplicates(self) -> str:
        """Return a sentence on the near-duplicates between and within splits."""
        pairs = self.duplicates or ()
        splits = Counter(tuple(sorted({one.first_split, one.second_split})) for one in pairs)
        counts = [
            f"{count} {'between' if len(names) > 1 else 'within'} {' and '.join(names)}"
            for names, count in sorted(splits.items(), key=lambda each: (-len(each[0]), each[0]))
        ]
        number = plural(len(pairs), "pair")
        return f"{number} of near-duplicates among {self.n_images:,} images{': ' if counts else ''}{', '.join(counts)}."


def read_audit(folder: Path) -> Audit | None:
    """Return the audit in a study's folder; None if there is none that can be read."""
    try:
        stored = json.loads((folder / FOLDER / FILE).read_bytes())
        pairs, labels = stored["duplicates"], stored["labels"]
        return Audit(
            stored["n_images"],
            None if pairs is None else [DuplicatePair(**each) for each in pairs],
            None if labels is None else [SuspiciousLabel(**each) for each in labels],
            stored["n_labels"],
            stored["trial"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _some(texts: Sequence[str], most: int, path: Path) -> list[str]:
    rest = f"  … and {len(texts) - most:,} more in {shown(path)}"
    return [f"  {text}" for text in texts[:most]] + ([rest] if len(texts) > most else [])
