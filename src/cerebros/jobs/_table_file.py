"""Tables as they come: files of several kinds, or standard input."""

from __future__ import annotations

import hashlib
import io
import sys
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cerebros.errors import DataError
from cerebros.estimators.table import MARKERS

STANDARD_INPUT = "-"
_SEPARATORS = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t"}
_SHEETS = (".xlsx", ".xls", ".ods")
_SUFFIXES = (*_SEPARATORS, ".parquet", *_SHEETS)


@dataclass(frozen=True)
class TableFile:
    """The bytes of a table, and where they come from.

    Attributes:
        content: of the file.
        path: of the file; None for standard input, which holds CSV.
    """

    content: bytes
    path: Path | None = None

    @cached_property
    def sha256(self) -> str:
        """The fingerprint by which a changed table is found out."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def name(self) -> str:
        """How messages call it."""
        if self.path is None:
            return "the table on standard input"
        return f"the table {self.path}"

    def frame(self) -> pd.DataFrame:
        """Its rows, each column of the type that pandas takes it to have.

        The names of the columns are text.

        Raises:
            DataError: if it is empty, or not a table.
        """
        frame = self._checked(self._frame())
        for name in frame.select_dtypes("category"):
            frame[name] = frame[name].astype(object).infer_objects()
        return frame

    def cells(
        self, has_markers: Callable[[str], bool] = lambda name: False
    ) -> pd.DataFrame:
        """Its rows as they stand there, so that no cell decides what another is.

        Cells of CSV and TSV are text, empty ones None; those of sheets and Parquet
        have the types that the file gives them.

        Args:
            has_markers: of the name of a column, whether `NA`, `null` and the like
                are missing in it, in files whose cells are written by hand.

        Raises:
            DataError: if it is empty, or not a table.
        """
        if self._suffix == ".parquet":
            frame = self._checked(self._parquet())
            for name in frame.select_dtypes("category"):
                if not frame[name].cat.ordered:
                    frame[name] = frame[name].astype(object).infer_objects()
            return frame
        options: dict[str, Any] = {"dtype": object, "keep_default_na": False}
        frame = self._checked(self._frame(**options))
        for name in frame.columns:
            absent = MARKERS | {""} if has_markers(name) else {""}
            frame[name] = _without(frame[name].to_numpy(), absent)
        return frame

    @property
    def _suffix(self) -> str:
        return ".csv" if self.path is None else suffix_of(self.path)

    def _frame(self, **options: Any) -> pd.DataFrame:
        if not self.content.strip():
            raise DataError(f"{self.name} is empty")
        if self._suffix == ".parquet":
            return self._parquet()
        if self._suffix in _SHEETS:
            return self._sheet(**options)
        return self._text(self._suffix, **options)

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        if not len(frame):
            raise DataError(
                f"{self.name} has no rows, only the names of {len(frame.columns)} "
                "columns"
            )
        frame.columns = pd.Index(
            [str(column) for column in frame.columns], dtype=object
        )
        self._check_unique(frame.columns)
        return frame

    def _text(self, suffix: str, **options: Any) -> pd.DataFrame:
        first = self._read_text(
            suffix, header=None, nrows=1, dtype=str, keep_default_na=False
        )
        names = first.iloc[0]  # as they stand there; pandas would tell equal ones apart
        self._check_unique(pd.Index(names[names != ""]))
        return self._read_text(suffix, index_col=False, low_memory=False, **options)

    def _read_text(self, suffix: str, **options: Any) -> pd.DataFrame:
        is_zipped = suffix.endswith(".gz")
        try:
            with warnings.catch_warnings():
                # A row that is longer than the header would be cut with a warning.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame: pd.DataFrame = pd.read_csv(
                    io.BytesIO(self.content),
                    sep=self._separator(suffix),
                    compression="gzip" if is_zipped else None,
                    encoding="utf-8",
                    **options,
                )
                return frame
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.name} is not UTF-8 text; save it as UTF-8"
            ) from error
        except pd.errors.ParserWarning as error:
            raise DataError(
                f"{self.name} has rows with more values than the header has names"
            ) from error
        except (ValueError, OSError, EOFError) as error:
            raise DataError(f"{self.name} cannot be read: {error}") from error

    def _check_unique(self, names: pd.Index[Any]) -> None:
        if twice := names[names.duplicated()].tolist():
            raise DataError(f"{self.name} has several columns named {twice[0]!r}")

    def _separator(self, suffix: str) -> str:
        """That of the kind of file; semicolons if the header has only those."""
        separator = _SEPARATORS[suffix]
        header = self.content.split(b"\n", 1)[0]
        is_other = suffix == ".csv" and b"," not in header and b";" in header
        return ";" if is_other else separator

    def _parquet(self) -> pd.DataFrame:
        try:
            frame = pd.read_parquet(io.BytesIO(self.content))
        except ImportError as error:
            raise DataError(
                f"{self.name} is a Parquet file, and reading those needs pyarrow: "
                "pip install 'cerebros[parquet]'"
            ) from error
        except (ValueError, OSError) as error:  # pyarrow's errors are among these
            raise DataError(f"{self.name} cannot be read: {error}") from error
        if frame.index.names != [None]:  # a named index was a column
            frame = frame.reset_index()
        return frame

    def _sheet(self, **options: Any) -> pd.DataFrame:
        """The only sheet that holds something."""
        try:
            with pd.ExcelFile(io.BytesIO(self.content), engine="calamine") as book:
                heads = {
                    name: pd.read_excel(book, name, header=None, nrows=1, dtype=object)
                    for name in book.sheet_names
                }
                names = [name for name, head in heads.items() if len(head)]
                if len(names) != 1:
                    raise DataError(
                        f"{self.name} has {len(names)} sheets that hold something"
                        f"{': ' * bool(names)}{', '.join(map(str, names))}; leave the "
                        "one that is meant"
                    )
                head = pd.Index(heads[names[0]].iloc[0].dropna())
                self._check_unique(head)
                return pd.read_excel(book, names[0], **options)
        except ImportError as error:
            raise DataError(
                f"{self.name} is a sheet, and reading those needs python-calamine: "
                "pip install 'cerebros[excel]'"
            ) from error
        except DataError:
            raise
        except Exception as error:  # calamine's own errors have no common class
            raise DataError(f"{self.name} cannot be read: {error}") from error


def _without(values: np.ndarray[Any, Any], absent: Collection[str]) -> Any:
    """A column whose cells of these texts are None."""
    cells = np.empty(len(values), object)
    cells[:] = [
        None if isinstance(value, str) and value in absent else value
        for value in values
    ]
    return cells


def read_table(source: str) -> TableFile:
    """Read a file, or standard input if the source is `-`.

    Raises:
        DataError: if there is no such file, it is a folder, or of an unknown kind.
    """
    if source == STANDARD_INPUT:
        return TableFile(sys.stdin.buffer.read())
    path = Path(source)
    if path.is_dir():
        raise DataError(f"the table {path} is a folder; name a file in it")
    suffix_of(path)
    try:
        return TableFile(path.read_bytes(), path)
    except FileNotFoundError:
        raise DataError(f"the table {path} does not exist") from None
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"the table {path} cannot be read: {reason}") from error


def suffix_of(path: Path) -> str:
    """The end of a name that says what kind of table it is.

    Raises:
        DataError: if it says nothing.
    """
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise DataError(
        f"the table {path} is of an unknown kind; its name must end in "
        f"{', '.join(_SUFFIXES)}"
    )
