"""What stands below the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from _rows import Row

UNDISTURBED = 0.95
"""Share of a single core's time that a process uses when it has the core to itself."""


def notes(rows: Sequence[Row]) -> Iterator[str]:
    """What the table leaves open."""
    if sampled := {r.n_sampled for r in rows if r.n_sampled}:
        counts = "/".join(map(str, sorted(sampled)))
        yield (
            f"* scaled up from {counts} networks by a straight line over the number of "
            "units; imports count once, memory is the sample's, a warm-up is left out"
        )
    yield "x Keras: seconds in all of Keras on as many cores as this run may use"
    yield "useful GFLOP/s: products with connected weights alone, by time of training"
    yield from _disturbances(rows)
    yield from _speedups(rows)
    yield from _reports(rows)
    yield from _score_lines(rows)


def _disturbances(rows: Sequence[Row]) -> Iterator[str]:
    """Rows on one core, which a training keeps busy, that did not have it."""
    shares = [row.cpu_share for row in rows if row.n_cores == 1 and row.cpu_share]
    if min(shares, default=1.0) < UNDISTURBED:
        yield (
            f"! other programs ran on the same core: where CPU used is below "
            f"{UNDISTURBED:.0%}, seconds and ratios are wrong; run it again alone"
        )


def _speedups(rows: Sequence[Row]) -> Iterator[str]:
    """One core against all, cold and warm."""
    for one in rows:
        for many in rows:
            same = (one.workload, one.n_networks, one.what) == (
                many.workload,
                many.n_networks,
                many.what,
            )
            if same and one.n_cores < many.n_cores and one.seconds and many.seconds:
                alone = (one.training_seconds or 0) / (many.training_seconds or 1)
                yield (
                    f"{one.workload}, {one.n_networks} networks, {one.what}: "
                    f"{many.n_cores} cores are {one.seconds / many.seconds:.2f} times "
                    f"as fast as {one.n_cores}, in training alone {alone:.2f} times"
                )


def _reports(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.reported:
            says = ", ".join(f"{name} {value}" for name, value in row.reported.items())
            yield (
                f"{row.workload}, {row.n_networks} networks, {row.what}, "
                f"{row.n_cores} cores, says: {says}"
            )


def _score_lines(rows: Sequence[Row]) -> Iterator[str]:
    """The best validation RMSE of the same networks, by who trained them."""
    for workload in dict.fromkeys(row.workload for row in rows):
        own = [row for row in rows if row.workload == workload and row.scores]
        sampled = next((row.scores for row in own if row.n_sampled), {})
        largest = {row.what: row for row in own}  # the last is the largest
        for what, row in largest.items():
            same = [row.scores.get(number) for number in sampled]
            known = [score for score in row.scores.values() if score is not None]
            counts = ", ".join(f"{n} {name}" for name, n in row.statuses.items())
            yield (
                f"{workload}, best RMSE of networks {', '.join(map(str, sampled))}: "
                f"{' '.join('-' if s is None else f'{s:,.6g}' for s in same)}; "
                f"median of {len(known)}: {median(known or [0]):,.6g} "
                f"({what}; {counts})"
            )
