"""Real tables: what the command makes of them, before any training."""

import pytest

from cerebros.cli._selection import select
from cerebros.errors import DataError
from cerebros.jobs import read_table

TABLES = {
    # name: target, task, columns used, missing values filled
    "abalone": ("rings", "regression", 7, 0),
    "ames": ("price", "regression", 38, 682),
    "mpg": ("mpg", "regression", 6, 6),
    "penguins": ("species", "classification", 4, 8),
    "segment": ("class", "classification", 18, 0),
    "titanic": ("survived", "classification", 7, 177),
    "wine-quality-red": ("quality", "classification", 11, 0),
    "yacht": ("resistance", "regression", 6, 0),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", TABLES)
def test_a_real_table_is_understood(shared_data, name):
    target, task, n_columns, n_missing = TABLES[name]
    frame = read_table(str(shared_data / name / "data.csv")).frame()
    if n_missing:
        with pytest.raises(DataError, match="--missing median"):
            select(frame, target=target)
    selected = select(frame, target=target, missing="median")
    assert selected.selection.task == task
    assert len(selected.selection.columns) == n_columns
    assert selected.n_filled == n_missing
    assert selected.copies == ()
    n_named = 1 + n_columns + len(selected.left_out)
    assert n_named == len(frame.columns)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["soybean", "sms-spam-text"])
def test_a_table_of_text_is_refused(shared_data, name):
    frame = read_table(str(shared_data / name / "data.csv")).frame()
    target = {"soybean": "class", "sms-spam-text": "label"}[name]
    with pytest.raises(DataError, match="no column of numbers is left"):
        select(frame, target=target, missing="median")
