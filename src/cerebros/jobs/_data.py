"""From the data of a job to a problem."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cerebros.errors import DataError, JobError
from cerebros.jobs._file import Job
from cerebros.jobs._table_file import read_table
from cerebros.training import Problem


def problem_of(job: Job) -> Problem:
    """Read the data, and make the stems.

    Raises:
        DataError: if the data cannot be read or trained on.
        JobError: if a column or array is not there.
        StemError: if a stem cannot be made, or does not fit its rows.
    """
    source = _source(job)
    target = str(job.data["target"])
    y = _named(source, target, "data", "target")
    tables = job.inputs or ({},)
    inputs, stems = [], []
    for i, table in enumerate(tables):
        rows = _rows(source, table, target, where=f"[inputs] number {i}")
        inputs.append(rows)
        stems.append(_stem(table, rows, job.base, i))
    if isinstance(y, pd.Series) and y.isna().any():
        rows_missing = np.flatnonzero(y.isna())
        raise DataError(
            f"the target {target!r} is missing in {len(rows_missing)} of {len(y)} "
            f"rows, first in row {rows_missing[0]}; drop these rows"
        )
    make = {
        "classification": Problem.classification,
        "regression": Problem.regression,
    }[str(job.data["task"])]
    return make(
        inputs,
        np.asarray(y),
        validation=job.data["validation"],
        test=job.data["test"],
        seed=job.search["seed"],
        stems=stems,
    )


Source = pd.DataFrame | dict[str, Any]


def _source(job: Job) -> Source:
    """A table, or arrays by name."""
    if "bundled" in job.data:
        return _bundled(str(job.data["bundled"]))
    path = job.base / str(job.data["file"])
    if path.suffix == ".npz":
        return _arrays(path)
    return read_table(str(path)).frame()


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError) as error:
        raise DataError(
            f"{path} cannot be read: {error}; write it with numpy.savez, without "
            "arrays of objects"
        ) from error


def _bundled(name: str) -> Source:
    from sklearn import datasets

    if name == "digits":
        digits = datasets.load_digits()
        images = np.round(digits.images[..., None] * (255 / 16)).astype(np.uint8)
        return {"images": images, "pixels": digits.data, "digit": digits.target}
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = loaded.frame
    return frame


def _named(source: Source, name: str, section: str, key: str) -> Any:
    if name in source:
        return source[name]
    noun = "column" if isinstance(source, pd.DataFrame) else "array"
    raise JobError(
        f"[{section}] {key} = {name!r}: there is no such {noun}; there are "
        f"{', '.join(map(str, [*source][:30]))}"
    )


def _rows(source: Source, table: Mapping[str, Any], target: str, *, where: str) -> Any:
    """Raw rows of an input."""
    if isinstance(source, pd.DataFrame):
        if "array" in table:
            raise JobError(f"{where} array goes with .npz files; give columns")
        names = table.get("columns") or [c for c in source.columns if c != target]
        for name in names:
            _named(source, name, "inputs", "columns")
        if target in names:
            raise JobError(f"{where} columns holds the target {target!r}; leave it out")
        frame = source[names]
        is_text = table.get("stem") == "tfidf"
        if is_text and len(names) != 1:
            raise JobError(
                f"{where} stem = 'tfidf' reads one column of text, but gets "
                f"{len(names)}; name it with columns = [...]"
            )
        if is_text:
            texts = frame[names[0]]
            if not texts.map(lambda value: isinstance(value, str)).all():
                raise DataError(
                    f"{where}: column {names[0]!r} has values that are missing or no "
                    "text; fill them, or drop the rows"
                )
            return texts
        return frame
    if "columns" in table:
        raise JobError(f"{where} columns goes with tables; give array")
    others = [name for name in source if name != target]
    if "array" not in table and len(others) != 1:
        raise JobError(
            f"{where} array is missing; give one of the arrays {', '.join(others)}"
        )
    name = str(table.get("array", others[0]))
    if name == target:
        raise JobError(f"{where} array is the target {target!r}; give another")
    return _named(source, name, "inputs", "array")


def _stem(table: Mapping[str, Any], rows: Any, base: Path, i: int) -> Any:
    kind = table.get("stem", "none")
    if kind == "none":
        return None
    if kind in ("tfidf", "one_hot", "standardize"):
        return _transformer(str(kind), table)
    from cerebros.stems import keras_stem, pretrained_stem  # and Keras

    given = {key: table[key] for key in ("cut", "pooling") if key in table}
    shape = tuple(np.shape(rows)[1:])
    if kind == "keras":
        if "file" not in table:
            raise JobError(
                f"[inputs] number {i} file is missing: stem = 'keras' needs a .keras "
                "file"
            )
        path = base / str(table["file"])
        return keras_stem(path, row_shape=shape, name=f"stem_{i}", **given)
    if "application" not in table:
        raise JobError(
            f"[inputs] number {i} application is missing: give a name of "
            "keras.applications"
        )
    weights = table.get("weights", "imagenet")
    if weights not in ("imagenet", "random"):
        weights = base / str(weights)
    return pretrained_stem(
        str(table["application"]),
        weights=None if weights == "random" else weights,
        row_shape=shape,
        image_size=table.get("image_size"),
        stem_name=f"stem_{i}",
        **given,
    )


def _transformer(kind: str, table: Mapping[str, Any]) -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    if kind == "standardize":
        return StandardScaler()
    if kind == "one_hot":
        return OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    ngrams = tuple(table.get("ngrams", (1, 2)))
    return make_pipeline(
        TfidfVectorizer(ngram_range=ngrams, sublinear_tf=True, min_df=2),
        TruncatedSVD(int(table.get("components", 100)), random_state=0),
    )
