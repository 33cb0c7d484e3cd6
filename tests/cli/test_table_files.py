"""Tables of every kind, and files that are none."""

import gzip
import io
import sys

import pandas as pd
import pytest

from cerebros.errors import DataError
from cerebros.jobs import read_table

FRAME = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"], "y": [1, 0]})


def write(folder, name):
    path = folder / name
    if name.endswith(".parquet"):
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False, sep="\t" if ".tsv" in name.lower() else ",")
    return path


@pytest.mark.parametrize(
    "name", ["t.csv", "t.csv.gz", "t.tsv", "t.TSV.gz", "t.parquet", "T.CSV"]
)
def test_every_kind_of_table_is_read(tmp_path, name):
    frame = read_table(str(write(tmp_path, name))).frame()
    assert frame.columns.tolist() == ["a", "b", "y"]
    assert frame.to_numpy().tolist() == [[1.5, "x", 1], [2.5, "y", 0]]


def test_a_csv_file_may_use_semicolons(tmp_path):
    path = tmp_path / "t.csv"
    FRAME.to_csv(path, index=False, sep=";")
    assert read_table(str(path)).frame().columns.tolist() == ["a", "b", "y"]


def test_csv_comes_from_standard_input(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n"))
    monkeypatch.setattr(sys, "stdin", stream)
    table = read_table("-")
    assert table.path is None
    assert table.frame().to_numpy().tolist() == [[1, 2]]


def test_rows_that_were_picked_do_not_bring_their_numbers(tmp_path):
    path = tmp_path / "t.parquet"
    FRAME.iloc[[1]].to_parquet(path)
    assert read_table(str(path)).frame().columns.tolist() == ["a", "b", "y"]


def test_categories_and_an_index_of_a_parquet_file_are_columns(tmp_path):
    path = tmp_path / "t.parquet"
    frame = FRAME.assign(c=pd.Categorical([7, 7])).set_index("y")
    frame.to_parquet(path)
    read = read_table(str(path)).frame()
    assert sorted(read.columns) == ["a", "b", "c", "y"]
    assert read["c"].dtype.kind == "i"


def test_the_fingerprint_is_that_of_the_content(tmp_path):
    one, other = write(tmp_path, "one.csv"), write(tmp_path, "other.csv")
    assert read_table(str(one)).sha256 == read_table(str(other)).sha256
    other.write_text(other.read_text().replace("1.5", "1.6"))
    assert read_table(str(one)).sha256 != read_table(str(other)).sha256


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b" \n\n", "is empty"),
        ("t.csv", b"a,b,y\n", "has no rows, only the names of 3 columns"),
        ("t.csv", b"a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("t.csv", b"a,b\n1,2,3\n1,2,3\n", "more values than the header has names"),
        ("t.csv", "a,é\n1,2\n".encode("latin-1"), "is not UTF-8 text"),
        ("t.csv.gz", b"a,b\n1,2\n", "cannot be read"),
        (
            "t.csv.gz",
            gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-20],
            "cannot be read",
        ),
        ("t.parquet", b"PAR1", "cannot be read"),
        ("t.xlsx", b"PK", "cannot be read"),
        ("t.docx", b"PK", "must end in .csv, .csv.gz, .tsv, .tsv.gz, .parquet, .xlsx"),
        ("csv", b"a,b\n1,2\n", "unknown kind"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_table(str(path)).frame()
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        read_table(str(tmp_path / "nothing.csv"))
    with pytest.raises(DataError, match="is a folder; name a file in it"):
        read_table(str(tmp_path))
