"""The study that users get from ``metaopt.search`` and ``metaopt.Study.load``, with its page and its figures."""

import base64
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from metaopt.storage.study import Study as StoredStudy
from metaopt.terminal.printable import printable

FIGURES = Path("figures")


class Study(StoredStudy):
    """A study as it is stored, whether or not a search is running on it; see ``metaopt.storage.study.Study``."""

    @property
    def figures(self) -> "Figures":
        """Draw the figures of the study as it is now; a notebook shows them inline.

        ``study.figures["progress"]`` is one of them; the files are in the folder ``figures`` of the study.
        """
        from metaopt.report.analysis import StudyData  # matplotlib takes a second to import
        from metaopt.report.plots import draw_all

        paths = draw_all(StudyData.of(self), self.folder / FIGURES)
        return Figures({path.stem: Figure(path) for path in paths if path.suffix == ".png"})

    def report(self) -> "Page":
        """Write the page of the study as it is now, ``figures/report.html``; a notebook shows it inline."""
        from metaopt.report.page import write_page

        path = self.folder / FIGURES / "report.html"
        write_page(self, path)
        return Page(path)


class Page:
    """The page of a study; a notebook shows it inline, with its own scripts kept apart from those of the notebook.

    Attributes:
        path: its file, which a browser shows without a network.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Page({str(self.path)!r})"

    def _repr_html_(self) -> str:
        style = "width:100%;height:80vh;min-height:600px;border:0"
        page = escape(self.path.read_bytes().decode())  # its scripts are known by their hashes
        return f'<iframe style="{style}" sandbox="allow-scripts allow-downloads allow-popups" srcdoc="{page}"></iframe>'


class Figure:
    """A figure of a study; a notebook shows it inline.

    Attributes:
        path: its PNG file; an SVG is beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Figure({str(self.path)!r})"

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()


class Figures(Mapping[str, Figure]):
    """Name → figure; a notebook shows all of them, one below the other."""

    def __init__(self, figures: Mapping[str, Figure]) -> None:
        self._figures = dict(figures)

    def __getitem__(self, name: str) -> Figure:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        return f"Figures({', '.join(self._figures)})"

    def _repr_html_(self) -> str:
        images = []
        for name, figure in self._figures.items():
            data = base64.b64encode(figure.path.read_bytes()).decode()
            title = escape(printable(name.replace("_", " ")))
            source = f'src="data:image/png;base64,{data}"'
            images.append(f'<h4>{title}</h4><img alt="{title}" style="max-width:100%" {source}>')
        return "".join(images)
