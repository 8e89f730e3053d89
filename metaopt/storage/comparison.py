"""Comparison of a stored study with a search that is about to resume it: fingerprint, seed, and a rebuilt header."""

from collections.abc import Mapping, Sequence
from typing import Any

from metaopt.backbones.source import is_application
from metaopt.errors import StudyMismatch
from metaopt.spaces import Space
from metaopt.storage.journal import Event
from metaopt.storage.study import Study
from metaopt.terminal.commands import command, shown

# Names of the parts of a fingerprint, for the message where one differs.
_PARTS = {
    "space": "search space",
    "network": "network",
    "data": "data set",
    "objective": "objective",
    "folds": "number of folds",
    "repeats": "number of repeats of the folds",
    "function": "function train, whose code or captured values differ",
    "budget": "budget",
    "backbones": "content of the backbone",
}

# What else helps where a part alone differs.
_ADVICE = {
    "function": " If its losses still compare with those of the study, pass same_function=True.",
    "backbones": " To resume it, restore the file.",
}

# Parameters in the text of a budget, see ``metaopt.engine.setup``.
_BUDGET = ("epochs", "min_epochs", "eta", "rule", "budget_unit")


def differs(study: Study, header: Mapping[str, Any], space: Space, *, is_same_function: bool) -> bool:
    """Return whether a study is another one than that of a header; for the arguments see ``require_same``."""
    is_other = _differing_parts(study, header, space, is_same_function)
    return bool(is_other) or study.header.get("seed") != header.get("seed")


def require_same(study: Study, header: Mapping[str, Any], space: Space, *, is_same_function: bool) -> None:
    """Check that a study is that of a header.

    Args:
        study: the stored study.
        header: ``fingerprint`` and ``seed`` of the search.
        space: the compiled space of the search.
        is_same_function: the user says that the Python function is the study's own, whatever its code.

    Raises:
        StudyMismatch: A part of the fingerprint, or the seed, differs.
    """
    if differing := _differing_parts(study, header, space, is_same_function):
        known, asked = study.header["fingerprint"], header["fingerprint"]
        parts = " and ".join(_describe_part(name, known.get(name, ""), asked.get(name, "")) for name in differing)
        if "backbones" in differing:
            changed = ", ".join(str(shown(file)) for file in find_changed_backbones(study, asked["backbones"].split()))
            parts = parts.replace(_PARTS["backbones"], f"{_PARTS['backbones']} {changed}")
        advice = _ADVICE.get(differing[0], "") if len(differing) == 1 else ""
        raise StudyMismatch(
            f"{shown(study.folder)} holds a study of another {parts}: choose another results folder, or remove this"
            f" study with `{command('delete', study.folder)}`.{advice}",
            *(_BUDGET if "budget" in differing else ()),
        )
    seeds = study.header.get("seed"), header.get("seed")
    if seeds[0] != seeds[1] and None not in seeds:
        raise StudyMismatch(
            f"{shown(study.folder)} holds a study of seed {seeds[0]}, not {seeds[1]}: use that seed, or choose"
            " another results folder."
        )


def _describe_part(name: str, known: str, asked: str) -> str:
    """Return a part of the fingerprint with its two values where these are legible, e.g. "number of folds (1, not 5)".

    Args:
        name: name of the part.
        known: its value in the study.
        asked: its value in the search.
    """
    part = _PARTS.get(name, name)
    if name in ("objective", "folds"):
        return f"{part} ({known}, not {asked})"
    if name == "repeats":
        return f"{part} ({known or 1}, not {asked or 1})"
    if name != "budget":
        return part
    if not known or not asked:
        kinds = "a strategy with rungs, not one without" if known else "a strategy without rungs, not one with them"
        return f"{part} ({kinds})"
    values = zip(_BUDGET, known.split(), asked.split(), strict=False)
    return f"{part} ({'; '.join(f'{one} {a}, not {b}' for one, a, b in values if a != b)})"


def find_changed_backbones(study: Study, digests: Sequence[str]) -> list[str]:
    """Return the backbones of a study whose files have other contents now; none where it does not tell its own.

    Args:
        study: the stored study.
        digests: of the files now, in the order of the study.
    """
    known = study.header["fingerprint"].get("backbones", "").split()
    files = [source for source in study.settings.get("backbones", ()) if not is_application(source)]
    return [file for file, then, now in zip(files, known, digests, strict=False) if then != now]


def completed_header(study: Study, header: Mapping[str, Any], space: Space) -> Event:
    """Return the header of a study whose journal was rebuilt from records alone, with what those do not tell.

    Args:
        study: the stored study.
        header: of the search that resumes it.
        space: the compiled space of the search.

    Raises:
        StudyMismatch: The records are of another space, objective or seed.
    """
    labels = {label for trial in study.state.trials for label in trial.vals}
    same = [study.header[name] == header.get(name, study.header[name]) for name in ("objective", "seed")]
    same.append(study.header.get("objectives") == header.get("objectives"))
    if not all(same) or not labels <= set(space.labels):
        raise StudyMismatch(
            f"The journal of {shown(study.folder)} was rebuilt from records, which are of another search space,"
            " objective or seed: start the search that trained them."
        )
    kept = {name: value for name, value in study.header.items() if name not in ("rebuilt", "event", "clock")}
    return {"event": "study", **kept, **header}


def _differing_parts(study: Study, header: Mapping[str, Any], space: Space, is_same_function: bool) -> list[str]:
    """Return the parts of the fingerprint in which a study differs from a header."""
    known, fingerprint = study.header["fingerprint"], header["fingerprint"]
    differing = [name for name in {**known, **fingerprint} if known.get(name) != fingerprint.get(name)]
    if "network" in differing and study.holds_network(fingerprint["network"]):
        differing.remove("network")
    if "space" in differing and study.holds_space(space):
        differing.remove("space")
    if "backbones" in differing and ("backbones" not in known or "space" in differing):
        differing.remove("backbones")  # earlier versions stored none; another choice of backbones is another space
    if "function" in differing:
        differing.remove("function")
    # That of the latest run, which the user may have said to be the same; earlier versions stored none.
    functions = {fingerprint.get("function"), study.state.function} - {None}
    if len(functions) > 1 and not is_same_function:
        differing.append("function")
    return differing
