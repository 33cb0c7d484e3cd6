"""What is learned from the columns of a table, and what becomes of new rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators.table._categories import CategoryEncoder
from cerebros.estimators.table._columns import rows_of
from cerebros.estimators.table._dates import DateEncoder
from cerebros.estimators.table._kinds import kinds_of
from cerebros.estimators.table._likeness import as_kind, check_likeness
from cerebros.estimators.table._numbers import Floats, NumberEncoder
from cerebros.estimators.table._schema import Columns
from cerebros.estimators.table._texts import TextEncoder

Encoder: TypeAlias = NumberEncoder | CategoryEncoder | DateEncoder | TextEncoder
Array32: TypeAlias = npt.NDArray[np.float32]

KINDS: dict[str, type[Encoder]] = {
    "number": NumberEncoder,
    "category": CategoryEncoder,
    "date": DateEncoder,
    "text": TextEncoder,
}

_MOST_OUTPUTS = 10  # of which categories and texts know the targets
_ROWS_AT_ONCE = 8192
_FEW_COLUMNS = 16  # of numbers; in more of them, a bin that few rows need is too dear
_FEW_ROWS, _SOME_ROWS = 3, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingSettings:
    """How a table becomes arrays.

    Attributes:
        bins: of the piecewise-linear encoding of a number, at most; 0 for none.
        most_encoded: encoded features of the whole table, about; wide tables get
            fewer bins.
        most_categories: categories of a column with a feature of their own; also of
            values that repeat in a column of numbers that is mostly one value.
        text_features: features of a column of text, beside those that know targets.
        texts: names of columns that are text, whatever they hold: numbers that are
            categories, codes, and texts such as `NA`; only empty ones are missing.
        dropped: names of columns that are not read.
        identifiers: names of columns that number or name the rows, and are not read;
            what the guards find joins them.

    Raises:
        ValueError: if a number is negative.
    """

    bins: int = 16
    most_encoded: int = 640
    most_categories: int = 64
    text_features: int = 64
    texts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("bins", "most_encoded", "most_categories", "text_features"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"{name} must not be negative, but got {getattr(self, name)!r}"
                )
        for name in ("texts", "dropped", "identifiers"):
            if isinstance(getattr(self, name), str):
                raise ValueError(
                    f"{name} must be names of columns, as in ({getattr(self, name)!r},)"
                )

    def check_names(self, names: Collection[str]) -> None:
        """Make sure that a table has the columns that are named.

        Raises:
            DataError: if it lacks one.
        """
        for setting in ("texts", "dropped", "identifiers"):
            for name in getattr(self, setting):
                if name not in names:
                    close = get_close_matches(name, list(names), n=1)
                    guess = f"; did you mean {close[0]!r}?" if close else ""
                    raise DataError(
                        f"{setting} names the column {name!r}, which the table does "
                        f"not have{guess}"
                    )


@dataclass(frozen=True, eq=False)
class TableEncoding:
    """A fitted encoding: plain data, read by anything that has NumPy.

    Attributes:
        names: columns that training had, in their order.
        encoders: by name, of the columns that are used.
        unused: columns that are not, each with the reason.
        outputs: which columns of the targets features of categories and texts know.
        widths: by name, how many plain and encoded features a column has, where there
            are more than its encoder makes; the last ones of them are 0.
    """

    names: tuple[str, ...]
    encoders: dict[str, Encoder]
    unused: dict[str, str]
    outputs: tuple[int, ...] = ()
    widths: dict[str, tuple[int, int]] = field(default_factory=dict)

    def transform(self, columns: Columns) -> tuple[Array32, Array32]:
        """Plain and encoded features, `(row, feature)` each.

        Columns may stand in any order; more of them do no harm. Features that know
        targets do so from all rows of training: for these rows themselves, see
        `out_of_fold`.

        Raises:
            DataError: if a column that is used is missing, or holds text where
                training had numbers; all such columns are listed.
        """
        check_likeness(columns, self.encoders)
        n_rows = rows_of(columns)
        n_plain, n_encoded = self.n_features
        plain = np.zeros((n_rows, n_plain), np.float32)
        encoded = np.zeros((n_rows, n_encoded), np.float32)
        for name, (plain_at, encoded_at) in self.places().items():
            encoder = self.encoders[name]
            values = as_kind(columns[name], encoder)
            for start in range(0, n_rows, _ROWS_AT_ONCE):
                rows = slice(start, start + _ROWS_AT_ONCE)
                a, b = encoder.transform(values[rows])
                plain[rows, plain_at : plain_at + a.shape[1]] = a
                encoded[rows, encoded_at : encoded_at + b.shape[1]] = b
        return plain, encoded

    def out_of_fold(
        self,
        columns: Columns,
        targets: npt.NDArray[Any],
        weights: npt.NDArray[Any] | None,
        fold_of_row: npt.NDArray[Any],
    ) -> tuple[Array32, Array32]:
        """The same features for the rows of training.

        Each row's features that know targets are learned from the rows of other folds
        only, so that they say as much of its target as they will say of a new row's.

        Args:
            columns: of the table.
            targets: standardized numbers or one-hot classes, `(row, output)`.
            weights: of rows; None for equal ones.
            fold_of_row: number of each row's fold.

        Raises:
            DataError: as in `transform`.
        """
        plain, encoded = self.transform(columns)
        known = _Known.of(targets, weights, self.outputs)
        folds = np.asarray(fold_of_row)
        for name, (at, _) in self.places().items():
            encoder = self.encoders[name]
            if not isinstance(encoder, (CategoryEncoder, TextEncoder)):
                continue
            stop = at + encoder.n_features[0]
            n_own = encoder.n_target_features
            if n_own:
                values = as_kind(columns[name], encoder)
                plain[:, stop - n_own : stop] = encoder.out_of_fold(
                    values, known.targets, known.weights, folds
                )
        return plain, encoded

    def refitted(
        self,
        columns: Columns,
        *,
        targets: npt.NDArray[Any] | None = None,
        weights: npt.NDArray[Any] | None = None,
        seed: int = 0,
    ) -> TableEncoding:
        """The same kinds of features, and as many, learned from other rows.

        So networks that must not know later rows read what earlier ones tell. A feature
        that these rows do not have, such as that of a category, is 0.

        Args:
            columns: rows to be learned from.
            targets: as in `fit_encoding`; None if features are not to know them.
            weights: of rows; None for equal ones.
            seed: as in `fit_encoding`.

        Raises:
            DataError: as in `transform`.
        """
        check_likeness(columns, self.encoders)
        known = None if targets is None else _Known.of(targets, weights, self.outputs)
        of_targets = () if known is None else (known.targets, known.weights)
        encoders: dict[str, Encoder] = {}
        for name, encoder in self.encoders.items():
            values = as_kind(columns[name], encoder)
            match encoder:
                case CategoryEncoder():
                    encoders[name] = encoder.refitted(values, *of_targets)
                case TextEncoder():
                    encoders[name] = encoder.refitted(values, seed, *of_targets)
                case NumberEncoder() | DateEncoder():
                    encoders[name] = encoder.refitted(values)
        widths = {name: self._width(name) for name in self.encoders}
        return replace(self, encoders=encoders, widths=widths)

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features a row becomes."""
        each = [self._width(name) for name in self.encoders]
        return sum(n for n, _ in each), sum(n for _, n in each)

    @property
    def knows_targets(self) -> bool:
        """Whether features differ between `transform` and `out_of_fold`."""
        return any(
            encoder.n_target_features > 0
            for encoder in self.encoders.values()
            if isinstance(encoder, (CategoryEncoder, TextEncoder))
        )

    def places(self) -> dict[str, tuple[int, int]]:
        """Where the plain and the encoded features of each column begin."""
        places, plain, encoded = {}, 0, 0
        for name in self.encoders:
            places[name] = plain, encoded
            n_plain, n_encoded = self._width(name)
            plain, encoded = plain + n_plain, encoded + n_encoded
        return places

    def _width(self, name: str) -> tuple[int, int]:
        return self.widths.get(name) or self.encoders[name].n_features

    def feature_names(self) -> list[str]:
        """Names of the plain features."""
        names = []
        for column, encoder in self.encoders.items():
            made = encoder.names()
            idle = ["unused"] * (self._width(column)[0] - len(made))
            names += [f"{column} {feature}" for feature in [*made, *idle]]
        return names

    def state(self) -> dict[str, Any]:
        """Plain values and arrays, from which `encoding_from_state` makes it again."""
        kinds = {cls: kind for kind, cls in KINDS.items()}
        return {
            "names": list(self.names),
            "unused": dict(self.unused),
            "outputs": list(self.outputs),
            "widths": {name: list(width) for name, width in self.widths.items()},
            "encoders": {
                name: {"kind": kinds[type(encoder)], **encoder.state()}
                for name, encoder in self.encoders.items()
            },
        }


def encoding_from_state(state: dict[str, Any]) -> TableEncoding:
    """The encoding that `TableEncoding.state` was taken of."""
    encoders = {}
    for name, of_column in state["encoders"].items():
        rest = dict(of_column)
        encoders[name] = KINDS[rest.pop("kind")].from_state(rest)
    return TableEncoding(
        names=tuple(state["names"]),
        encoders=encoders,
        unused=dict(state["unused"]),
        outputs=tuple(state["outputs"]),
        widths={name: (a, b) for name, (a, b) in state["widths"].items()},
    )


def fit_encoding(
    columns: Columns,
    settings: EncodingSettings,
    *,
    seed: int = 0,
    targets: npt.NDArray[Any] | None = None,
    weights: npt.NDArray[Any] | None = None,
) -> TableEncoding:
    """Learn how a table becomes arrays.

    Args:
        columns: of the table.
        settings: see there.
        seed: decides what is drawn for texts.
        targets: standardized numbers or one-hot classes, `(row, output)`, which
            features of fine categories and of texts then know; None for no such
            features. Rows of training must be read with `TableEncoding.out_of_fold`.
        weights: of rows; None for equal ones.

    Raises:
        DataError: if no column is left to learn from.
    """
    kinds = dict(kinds_of(columns, settings))
    unused = {name: kind[1:] for name, kind in kinds.items() if kind.startswith("!")}
    n_numbers = max(1, sum(kind in ("number", "date") for kind in kinds.values()))
    n_bins = min(settings.bins, settings.most_encoded // n_numbers)
    n_levels = min(settings.most_categories, settings.most_encoded // n_numbers)
    rows_each = _FEW_ROWS if n_numbers <= _FEW_COLUMNS else _SOME_ROWS
    outputs = () if targets is None else _outputs(targets)
    known = None if targets is None else _Known.of(targets, weights, outputs)
    of_targets = () if known is None else (known.targets, known.weights)
    encoders: dict[str, Encoder] = {}
    for name, kind in kinds.items():
        encoder: Encoder
        values = columns[name]
        match kind:
            case "number":
                encoder = NumberEncoder.fit(values, n_bins, n_levels, rows_each)
            case "date":
                encoder = DateEncoder.fit(values, n_bins)
            case "category":
                most = settings.most_categories
                encoder = CategoryEncoder.fit(values, most, *of_targets)
            case "text":
                n_features = settings.text_features
                encoder = TextEncoder.fit(values, n_features, seed, *of_targets)
            case _:
                continue
        if encoder.n_features == (0, 0):
            unused[name] = "it holds nothing that repeats"
            continue
        encoders[name] = encoder
    if not encoders:
        reasons = "; ".join(f"{name!r}: {why}" for name, why in unused.items())
        raise DataError(f"no column can be learned from ({reasons or 'there is none'})")
    return TableEncoding(tuple(columns), encoders, unused, outputs)


@dataclass(frozen=True, eq=False)
class _Known:
    """Targets that features know, of mean 0 and spread 1, and weights of mean 1."""

    targets: Floats
    weights: Floats

    @classmethod
    def of(
        cls,
        targets: npt.NDArray[Any],
        weights: npt.NDArray[Any] | None,
        outputs: tuple[int, ...],
    ) -> _Known:
        chosen = np.asarray(targets, np.float64)[:, list(outputs)]
        shares = np.ones(len(chosen)) if weights is None else np.array(weights, float)
        shares /= shares.mean()
        centered = chosen - np.average(chosen, axis=0, weights=shares)
        spread = np.sqrt(np.average(centered**2, axis=0, weights=shares))
        return cls(centered / np.where(spread > 0, spread, 1), shares)


def _outputs(targets: npt.NDArray[Any]) -> tuple[int, ...]:
    """One of two classes; of many outputs those that vary most."""
    n = targets.shape[1]
    if n == 2 and np.ptp(targets.sum(axis=1)) < 1e-6:
        return (1,)
    order = np.argsort(-np.var(targets, axis=0), kind="stable")[:_MOST_OUTPUTS]
    return tuple(sorted(int(i) for i in order))
