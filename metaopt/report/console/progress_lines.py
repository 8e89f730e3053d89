"""Progress of a search as text: one line for a trial that ended, and one for the start of the search."""

from metaopt.quantities import plural
from metaopt.report.console.progress_state import ProgressState, RunningTrial
from metaopt.report.formatting import format_count, format_duration
from metaopt.trials.record import Record


def ended_line(state: ProgressState, record: Record) -> str:
    """Return one line about a trial that ended or is paused."""
    head = f"trial {record.trial}"
    if not record.has_loss:
        return f"{head}  failed after {format_duration(record.seconds)}: {record.error or 'no loss'}"
    parts = [f"{head}  {record.objective} {state.score_text(record)}"]
    if record.epochs:
        parts.append(_epochs_text(record))
    parts.append(format_duration(record.seconds))
    if record.params:
        parts.append(f"{format_count(record.params)} parameters")
    if not record.is_feasible:
        violated = [name for name, distance in record.constraints.items() if distance > 0]
        parts.append(f"violates {', '.join(violated) or 'a constraint'}")
    if record is state.best:
        parts.append("the best so far")
    return " · ".join(parts)


def _epochs_text(record: Record) -> str:
    """Return the number of epochs that a trial was trained, and its best epoch."""
    epochs, best = record.epochs, record.best_epoch
    if record.discard is not None:
        return record.discard.text
    if record.paused:
        at = f", best at epoch {best}" if best and epochs > 1 else ""
        return f"paused after {plural(epochs, 'epoch')}{at}"
    return f"best at epoch {best} of {epochs}" if best else plural(epochs, "epoch")


def progress_text(state: ProgressState) -> str:
    """Return the number of trials that ended, and of how many; a study may have more than this run aims at."""
    n_ended = len(state.ended)
    if state.goal is None or n_ended > state.goal:
        return f"{n_ended} done"
    return f"{n_ended} of {state.goal}"


def begin_line(state: ProgressState) -> str:
    """Return one line about the search when it starts or resumes."""
    n_ended = len(state.ended)
    goal = "until the time limit" if state.goal is None else f"for {plural(state.goal, 'trial')}"
    if state.seconds is not None and state.goal is not None:
        goal += f", {format_duration(state.seconds)} at most"
    if n_ended == 0:
        return f"searching {goal}"
    paused = f", {state.n_paused} paused" if state.n_paused else ""
    return f"resuming the search {goal}: {n_ended} done, {state.n_failed} of them failed{paused}"


def search_text(state: ProgressState) -> str:
    """Return how far the search is, with failures and the time left."""
    parts = [progress_text(state)]
    parts += [f"{state.n_failed} failed"] if state.n_failed else []
    parts += [f"{state.n_infeasible} infeasible"] if state.n_infeasible else []
    parts += [left] if (left := state.time_left) else []
    parts.append(f"{format_duration(state.clock() - state.begun)} so far")
    return " · ".join(parts)


def trial_text(state: ProgressState, running: RunningTrial) -> str:
    """Return how far a trial in training is."""
    if running.metrics or running.fraction:
        parts = [running.epoch_text]
    elif running.resumed_at:
        target = f" of {running.target}" if running.target else ""
        parts = [f"resuming after epoch {running.resumed_at}{target}"]
    else:
        parts = ["building" + (f" · {plural(running.target, 'epoch')}" if running.target else "")]
    shown = state.shown_metric(running.metrics)
    if shown is not None:
        parts.append(f"{shown[0]} {shown[1]:.4f}")
    if running.params is not None:
        parts.append(f"{format_count(running.params)} parameters")
    return " · ".join(parts)


def best_text(state: ProgressState) -> str:
    """Return the best trial so far."""
    best = state.best
    if best is None:
        return "none yet"
    return f"{best.objective} {state.score_text(best)} by trial {best.trial}"
