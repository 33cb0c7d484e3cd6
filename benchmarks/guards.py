"""What the guards say about tables without leaks, and which planted leaks they find.

python benchmarks/guards.py [--json] [--only ames yacht]

The tables are those of ../shared/data, or, where it is absent, the ones bundled with
scikit-learn. A finding in a table as it is counts as a false alarm; a grave one is
marked with "!". Then each kind of leak is planted, on its own, in each table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import _splits
import numpy as np
import numpy.typing as npt

from cerebros.estimators.guards import Finding, check_table
from cerebros.estimators.table import columns_of

N_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Table:
    """Columns and a target."""

    name: str
    columns: dict[str, npt.NDArray[Any]]
    target: npt.NDArray[Any]
    is_classification: bool

    def at(self, rows: npt.NDArray[np.intp]) -> Table:
        columns = {name: values[rows] for name, values in self.columns.items()}
        return replace(self, columns=columns, target=self.target[rows])

    def with_column(self, name: str, values: npt.NDArray[Any]) -> Table:
        return replace(self, columns={**self.columns, name: values})


@dataclass(frozen=True)
class Leak:
    """A leak to plant.

    Attributes:
        rules: any of them is a hit.
        plant: makes the table with the leak, in a column `planted` if in one.
        has_column: whether the finding must name that column.
    """

    rules: tuple[str, ...]
    plant: Callable[[Table, np.random.Generator], Table]
    has_column: bool = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of tables")
    arguments = parser.parse_args()
    measured = [
        _measure(table)
        for table in _tables()
        if not arguments.only or table.name in arguments.only
    ]
    if arguments.json:
        print(json.dumps(measured))
        return
    for result in measured:
        _show(result)
    _show_sums(measured)


def _measure(table: Table) -> dict[str, Any]:
    start = time.process_time()
    alarms = _findings(table)
    seconds = time.process_time() - start
    hits, others = {}, {}
    for name, leak in _leaks(table).items():
        rng = np.random.default_rng(7)
        findings = _findings(leak.plant(table, rng))
        hits[name] = any(_is_hit(finding, leak) for finding in findings)
        known = {(alarm.rule, alarm.column) for alarm in alarms}
        extra = [
            f"{finding.rule}:{finding.column}{'!' if finding.is_grave else ''}"
            for finding in findings
            if not _is_hit(finding, leak)
            and (finding.rule, finding.column) not in known
        ]
        if extra:
            others[name] = extra
    return {
        "table": table.name,
        "rows": len(table.target),
        "columns": len(table.columns),
        "seconds": round(seconds, 3),
        "alarms": [f"{'! ' if alarm.is_grave else ''}{alarm}" for alarm in alarms],
        "n_grave": sum(alarm.is_grave for alarm in alarms),
        "hits": hits,
        "beside_the_leak": others,
    }


def _findings(table: Table) -> list[Finding]:
    return check_table(
        table.columns,
        table.target,
        is_classification=table.is_classification,
        n_folds=N_FOLDS,
    )


def _is_hit(finding: Finding, leak: Leak) -> bool:
    column = "planted" if leak.has_column else None
    return finding.rule in leak.rules and finding.column == column


def _show(result: dict[str, Any]) -> None:
    hits = result["hits"]
    missed = [name for name, is_hit in hits.items() if not is_hit]
    print(
        f"{result['table']:20} {result['rows']:6,} x {result['columns']:3} "
        f"{result['seconds']:6.2f} s  {len(result['alarms'])} false alarms, "
        f"{result['n_grave']} grave; {len(hits) - len(missed)} of {len(hits)} leaks"
        + (f", missed: {', '.join(missed)}" if missed else "")
    )
    for alarm in result["alarms"]:
        print(f"    {alarm}")
    for name, others in result["beside_the_leak"].items():
        print(f"    beside {name}: {', '.join(others)}")


def _show_sums(measured: list[dict[str, Any]]) -> None:
    n_hits = sum(sum(result["hits"].values()) for result in measured)
    n_leaks = sum(len(result["hits"]) for result in measured)
    n_alarms = sum(len(result["alarms"]) for result in measured)
    n_grave = sum(result["n_grave"] for result in measured)
    print(f"{len(measured)} tables: {n_alarms} false alarms, {n_grave} of them grave;")
    print(f"{n_hits} of {n_leaks} planted leaks were found")


def _leaks(table: Table) -> dict[str, Leak]:
    strong = ("target-copy", "target-code", "strong-column")  # if rows are sorted
    both = {
        "copy as text": Leak(("target-copy", "target-code"), _text_copy),
        "id of repeated rows": Leak(("groups",), _repeated_with_noise),
        "duplicates": Leak(("duplicate-rows",), _doubled, has_column=False),
        "row number": Leak(("identifier", *strong), _row_number),
        "uuid": Leak(("identifier",), _uuid),
        "date": Leak(("time-order",), _date),
    }
    if table.is_classification:
        return {**_class_leaks(), **both}
    return {**_number_leaks(), **both}


def _number_leaks() -> dict[str, Leak]:
    copy = ("target-copy",)
    strong = ("target-copy", "target-code", "strong-column")
    return {
        "copy": Leak(copy, _added(lambda y, _: y)),
        "affine": Leak(copy, _added(lambda y, _: 32 - 1.8 * y)),
        "monotone": Leak(copy, _added(lambda y, _: np.tanh((y - y.mean()) / y.std()))),
        "tiny noise": Leak(copy, _added(_with_noise(1e-3))),
        "altered rows": Leak(copy, _added(_altered)),
        "missing values": Leak(copy, _added(_with_gaps)),
        "rounded": Leak(strong, _added(_rounded)),
        "noise": Leak(strong, _added(_with_noise(0.05))),
        "binned": Leak(("target-code",), _added(_binned)),
        "outliers": Leak(("target-outliers",), _outliers, has_column=False),
        "drift of rows": Leak(("time-order",), _row_order, has_column=False),
    }


def _class_leaks() -> dict[str, Leak]:
    strong = ("target-copy", "target-code", "strong-column")
    return {
        "copy": Leak(("target-copy",), _added(lambda y, _: y.astype(float))),
        "altered rows": Leak(strong, _added(_altered)),
        "tiny noise": Leak(
            ("target-copy",), _added(lambda y, rng: y + 0.01 * rng.normal(size=len(y)))
        ),
        "ranges": Leak(strong, _added(lambda y, rng: y + 0.99 * rng.random(len(y)))),
        "two codes each": Leak(("target-code", "strong-column"), _added(_two_codes)),
        "small class": Leak(("small-classes",), _small_class, has_column=False),
    }


def _added(
    make: Callable[[npt.NDArray[Any], np.random.Generator], npt.NDArray[Any]],
) -> Callable[[Table, np.random.Generator], Table]:
    return lambda table, rng: table.with_column("planted", make(table.target, rng))


def _with_noise(
    size: float,
) -> Callable[[npt.NDArray[Any], np.random.Generator], npt.NDArray[Any]]:
    """Noise in standard deviations of the target."""
    return lambda y, rng: y + size * y.std() * rng.normal(size=len(y))


def _altered(y: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    rows = rng.choice(len(y), len(y) // 100, replace=False)
    x = y.astype(float)
    x[rows] = rng.choice(y, len(rows))
    return x


def _with_gaps(y: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    return np.where(rng.random(len(y)) < 0.5, np.nan, y)


def _rounded(y: npt.NDArray[Any], _: np.random.Generator) -> npt.NDArray[Any]:
    step = np.quantile(y, 0.95) - np.quantile(y, 0.05)
    return np.round(y / step * 30)


def _binned(y: npt.NDArray[Any], _: np.random.Generator) -> npt.NDArray[Any]:
    bins = np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y)
    return np.array(["low", "lower", "higher", "high"], object)[bins]


def _two_codes(y: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    codes = rng.permutation(2 * (int(y.max()) + 1))
    some = codes[2 * y.astype(int) + rng.integers(2, size=len(y))]
    return np.array([f"code {code}" for code in some], object)


def _text_copy(table: Table, _: np.random.Generator) -> Table:
    y = table.target
    texts = [f"class {v}" if table.is_classification else f"$ {v:.6g}" for v in y]
    return table.with_column("planted", np.array(texts, object))


def _repeated_with_noise(table: Table, rng: np.random.Generator) -> Table:
    """Every row of up to 600 five times, with noise; the number of the original."""
    n_rows = min(len(table.target), 600)
    some = table.at(np.sort(rng.choice(len(table.target), n_rows, replace=False)))
    rows = rng.permutation(np.repeat(np.arange(n_rows), 5))
    table = some.at(rows)
    columns = {
        name: values + 0.02 * np.nanstd(values) * rng.normal(size=len(rows))
        if values.dtype == float
        else values
        for name, values in table.columns.items()
    }
    target = table.target
    if not table.is_classification:
        target = target + 0.05 * target.std() * rng.normal(size=len(rows))
    names = np.array([f"P{number:04d}" for number in rng.permutation(n_rows)], object)
    return replace(table, columns={**columns, "planted": names[rows]}, target=target)


def _doubled(table: Table, rng: np.random.Generator) -> Table:
    n_rows = len(table.target)
    return table.at(rng.permutation(np.tile(np.arange(n_rows), 2)))


def _row_number(table: Table, _: np.random.Generator) -> Table:
    return table.with_column("planted", 1.0 + np.arange(len(table.target)))


def _uuid(table: Table, rng: np.random.Generator) -> Table:
    parts = ["".join(rng.choice(list("0123456789abcdef"), 32)) for _ in table.target]
    names = [f"{p[:8]}-{p[8:12]}-{p[12:16]}-{p[16:20]}-{p[20:]}" for p in parts]
    return table.with_column("planted", np.array(names, object))


def _date(table: Table, rng: np.random.Generator) -> Table:
    """The target wanders with the date; the rows are in no order."""
    n_rows = len(table.target)
    rows = rng.permutation(n_rows)
    wave = np.sin(np.arange(n_rows) / n_rows * 20)
    noise = 0.3 * rng.normal(size=n_rows)
    order = np.argsort(np.argsort(wave + noise, kind="stable"), kind="stable")
    by_target = np.argsort(table.target, kind="stable")[order]  # row at each date
    dates = np.empty(n_rows, "datetime64[D]")
    dates[by_target] = np.datetime64("2020-01-01") + np.arange(n_rows)
    return table.with_column("planted", dates).at(rows)


def _outliers(table: Table, rng: np.random.Generator) -> Table:
    target = table.target.astype(float).copy()
    target[rng.integers(len(target))] = 1e6 * np.abs(target).max()
    return replace(table, target=target)


def _row_order(table: Table, rng: np.random.Generator) -> Table:
    """What is added to the target wanders from row to row."""
    steps = np.cumsum(rng.normal(size=len(table.target)))
    wave = 3 * (steps - steps.mean()) / steps.std() * table.target.std()
    return replace(table, target=table.target + wave)


def _small_class(table: Table, _: np.random.Generator) -> Table:
    target = table.target.copy()
    target[:3] = target.max() + 1
    return replace(table, target=target)


def _tables() -> Iterator[Table]:
    for name in _splits.names():
        if name != "ames-log":  # Ames with another target
            split = _splits.load(name, 0)
            columns = columns_of(split.table)
            yield Table(name, columns, split.target, split.is_classification)


if __name__ == "__main__":
    main()
