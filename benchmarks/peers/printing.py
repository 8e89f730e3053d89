"""Markdown tables of the benchmark."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.peers.peer import Peer
from benchmarks.peers.summary import REGRETS_AT, SHARES, Figures, Interval, Ranks
from benchmarks.peers.tables import Table


def describe_table(table: Table) -> str:
    """Return a heading and the facts that the figures refer to."""
    kind = "every point of its space" if table.complete else "a sample of its space"
    targets = ", ".join(f"best {percent(share)} ≤ {table.threshold(share):.4f}" for share in SHARES)
    luck = table.luck
    luck_text = (
        ""
        if luck is None
        else f" Between seeds, a network of the better half varies by {luck:.4f} (standard deviation)."
    )
    return (
        f"## {table.name}\n\n{len(table.networks)} networks, {kind}{_sizes(table)}; {table.epochs} epochs; a full"
        f" training costs {table.full_training_s:.2f} CPU s. Validation error: best {table.final_errors.min():.4f},"
        f" {targets}. Smallest held-out error: {table.best_test_error:.4f}.{luck_text}"
    )


def _sizes(table: Table) -> str:
    """Return the range of the networks' sizes, where the table has them."""
    text = ""
    for name, values in (
        ("parameters", [network.params for network in table.networks if network.params is not None]),
        ("MACs", [network.macs for network in table.networks if network.macs is not None]),
    ):
        text += f", {min(values):,} to {max(values):,} {name}" if values else ""
    return text


def print_figures(figures: Mapping[str, Figures], skipped: Mapping[str, str], budget: float) -> str:
    """Return the markdown table of the methods on one table.

    Args:
        figures: method → figures.
        skipped: method → why it has none.
        budget: full trainings.
    """
    at = [cost for cost in REGRETS_AT if cost <= budget]
    header = ["method", "seeds"]
    header += [f"cost to best {percent(share)}: median; mean (95 %); reached" for share in SHARES]
    header += [f"regret at {cost:g}" for cost in at] + [f"held-out regret at {cost:g}" for cost in at[-1:]]
    header += ["thinking per decision, ms", "in all, s"]
    rows = [
        [
            name,
            str(found.seeds),
            *(_cost(found, share, budget) for share in SHARES),
            *(_interval(found.regret[cost]) for cost in at),
            *(_interval(found.test_regret[cost]) for cost in at[-1:]),
            f"{1000 * found.thinking_s:.1f}",
            f"{found.thinking_in_all_s:.1f}",
        ]
        for name, found in sorted(figures.items(), key=lambda pair: pair[1].mean_cost[SHARES[-1]][0])
    ]
    rows += [[name, "–", f"skipped: {reason}", *["–"] * (len(header) - 3)] for name, reason in skipped.items()]
    return markdown(header, rows)


def print_notes(peers: Mapping[str, Peer], skipped: Mapping[str, str]) -> str:
    """Return a section with the versions of the methods, and how each was given the space and the resource.

    Args:
        peers: method → how it searches.
        skipped: method → why it was not run.
    """
    lines = [
        f"- {name}: "
        + (f"skipped, {skipped[name]}." if name in skipped else f"{_versions(peer)}. {peer.note}".rstrip())
        for name, peer in peers.items()
    ]
    return "\n".join(["## Methods", "", *lines])


def _versions(peer: Peer) -> str:
    return ", ".join(f"{package} {found}" for package, found in peer.versions.items())


def print_ranks(ranks: Ranks, score: str, tables: Sequence[str]) -> str:
    """Return the mean ranks over tables as text and a markdown table."""
    lines = [f"Mean rank by {score} over {len(tables)} tables ({', '.join(tables)})."]
    if ranks.p_value is not None:
        lines.append(f"Friedman's test: p = {ranks.p_value:.2g}.")
    if ranks.critical_difference is not None:
        lines.append(f"Mean ranks differ significantly (Nemenyi, 0.05) from {ranks.critical_difference:.2f} on.")
    rows = [[name, f"{rank:.2f}"] for name, rank in ranks.mean.items()]
    return f"{' '.join(lines)}\n\n{markdown(['method', 'mean rank'], rows)}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float) -> str:
    """Return a share as a percentage, e.g. "5 %"."""
    return f"{100 * share:.0f} %"


def _cost(figures: Figures, share: float, budget: float) -> str:
    median = figures.median_cost[share]
    shown = f"> {budget:g}" if median is None else f"{median:.1f}"
    mean, low, high = figures.mean_cost[share]
    return f"{shown}; {mean:.1f} ({low:.1f}–{high:.1f}); {percent(figures.reached[share])}"


def _interval(interval: Interval) -> str:
    mean, low, high = interval
    return f"{mean:.3f} ({low:.3f}–{high:.3f})"
