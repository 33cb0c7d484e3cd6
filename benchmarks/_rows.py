"""The rows of the table, and the figures that follow from what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from typing import Any

from _measurement import Measurement


@dataclass(frozen=True)
class Row:
    """One way to train a number of networks of one workload.

    Attributes:
        workload: a name of `WORKLOADS`, or `"prototype"`.
        n_networks: how many networks the times are for.
        what: who trains, and what its cache held.
        n_cores: cores that it may use.
        seconds: from the start of the process to the last outcome.
        import_seconds: of these, until everything was imported.
        preparation_seconds: to read the data and to draw the plans.
        compile_seconds: in which something was traced, compiled or read from a cache.
        useful_flop: arithmetic that all these networks need; None if not known.
        idle_share: share of the arithmetic done that was in vain; None if not known.
        cpu_share: share of the cores' time that the process used, or None.
        keras_seconds: what Keras takes for the same networks in this run, or None.
        peak_bytes: most memory held.
        n_sampled: networks that were really trained, if the times are scaled up.
        scores: the best value of each network that was trained, by trial number.
        statuses: how many trainings ended how.
        reported: what the engine says of itself.
        failure: why there are no figures.
    """

    workload: str
    n_networks: int
    what: str
    n_cores: int
    seconds: float | None = None
    import_seconds: float = 0.0
    preparation_seconds: float = 0.0
    compile_seconds: float = 0.0
    useful_flop: int | None = None
    idle_share: float | None = None
    cpu_share: float | None = None
    keras_seconds: float | None = None
    peak_bytes: int = 0
    n_sampled: int | None = None
    scores: Mapping[int, float | None] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    reported: Mapping[str, Any] = field(default_factory=dict)
    failure: str | None = None

    def timed(self, **figures: Any) -> Row:
        return replace(self, **figures)

    def failed(self, why: str) -> Row:
        return replace(self, failure=why)

    def measured(self, measurement: Measurement) -> Row:
        """The same row with the figures of a measurement."""
        statuses = [network.status for network in measurement.networks]
        return replace(
            self,
            seconds=measurement.seconds,
            import_seconds=measurement.import_seconds,
            preparation_seconds=measurement.preparation_seconds,
            # Programs compiled in processes of the engine's own are seen by it alone.
            compile_seconds=measurement.compile_seconds
            or measurement.reported.get("compile_seconds", 0.0),
            idle_share=measurement.reported.get("idle_share"),
            cpu_share=measurement.cpu_share,
            peak_bytes=measurement.peak_bytes,
            scores={network.number: network.score for network in measurement.networks},
            statuses={name: statuses.count(name) for name in sorted(set(statuses))},
            reported=measurement.reported,
        )

    @property
    def training_seconds(self) -> float | None:
        """What is neither importing, nor preparing, nor compiling."""
        if self.seconds is None:
            return None
        before = self.import_seconds + self.preparation_seconds
        return self.seconds - before - self.compile_seconds

    def derived(self, matrix_rate: float) -> dict[str, float | None]:
        """Figures that follow from the others.

        Args:
            matrix_rate: GFLOP/s of one core, measured in the same run.
        """
        keys = (
            "ms_per_network_and_core",
            "training_ms_per_network_and_core",
            "times_keras",
            "useful_gflop_per_second",
            "share_of_matrix_rate",
        )
        if self.seconds is None or self.training_seconds is None:
            return dict.fromkeys(keys)
        per_network = 1e3 * self.n_cores / self.n_networks
        rate = None
        if self.useful_flop is not None and self.training_seconds > 0:
            rate = self.useful_flop / self.training_seconds / 1e9
        keras = self.keras_seconds
        values = (
            self.seconds * per_network,
            self.training_seconds * per_network,
            None if keras is None else keras / self.seconds,
            rate,
            None if rate is None else rate / (self.n_cores * matrix_rate),
        )
        return dict(zip(keys, values, strict=True))

    def as_json(self, matrix_rate: float) -> dict[str, Any]:
        own = asdict(self) | {"training_seconds": self.training_seconds}
        return own | self.derived(matrix_rate)


HEADER = tuple(
    zip(
        ("", ""),
        ("cores", ""),
        ("CPU", "used"),
        ("seconds", "in all"),
        ("of which", "imports"),
        ("of which", "prepare"),
        ("of which", "compile"),
        ("of which", "training"),
        ("ms/network", "and core"),
        ("training", "alone"),
        ("x Keras", ""),
        ("idle", "share"),
        ("useful", "GFLOP/s"),
        ("of matrix", "rate"),
        ("peak", "MiB"),
        strict=True,
    )
)
"""Two lines above the columns."""


def format_table(rows: Iterable[Row], matrix_rate: float) -> str:
    """All rows as text, one block for each workload and number of networks."""
    lines: list[tuple[str, ...]] = [*HEADER]
    for (workload, n), block in groupby(rows, lambda r: (r.workload, r.n_networks)):
        lines.append((f"{workload}, {n:,} networks",))
        lines += [_cells(row, matrix_rate) for row in block]
    tabular = [cells for cells in lines if len(cells) == len(HEADER[0])]
    widths = [max(map(len, column)) for column in zip(*tabular, strict=True)]
    return "\n".join(_line(cells, widths) for cells in lines)


def _cells(row: Row, matrix_rate: float) -> tuple[str, ...]:
    what = f"  {row.what}" + ("*" if row.n_sampled else "")
    if row.failure is not None:
        return what, f"failed: {row.failure}"
    figures = row.derived(matrix_rate)
    seconds = (
        row.seconds,
        row.import_seconds,
        row.preparation_seconds,
        row.compile_seconds,
        row.training_seconds,
    )
    return (
        what,
        str(row.n_cores),
        "-" if row.cpu_share is None else f"{row.cpu_share:.0%}",
        *(_number(value, 0 if value and value >= 100 else 2) for value in seconds),
        _number(figures["ms_per_network_and_core"], 1),
        _number(figures["training_ms_per_network_and_core"], 1),
        _number(figures["times_keras"], 1),
        _percent(row.idle_share),
        _number(figures["useful_gflop_per_second"], 2),
        _percent(figures["share_of_matrix_rate"]),
        _number(row.peak_bytes / 2**20, 0),
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    if len(cells) < len(widths):
        return "  ".join(cells)
    first, *rest = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(c.rjust(w) for c, w in rest)])
