"""What a file holds is decided by `cerebros fit`, and kept for every later file."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pytest
from homes import FAST

from cerebros.estimators import load

N_ROWS = 90


def flats():
    """Codes of which one is no number, decimal commas, and a name that reads as NA."""
    rng = np.random.default_rng(2)
    size = rng.normal(80, 20, N_ROWS).round(1)
    code = rng.choice(["01", "02", "1A"], N_ROWS)
    place = rng.choice(["NA", "EU"], N_ROWS)
    rent = size + 50 * (code == "02") + 20 * (place == "NA")
    return pd.DataFrame(
        {
            "size": [str(x).replace(".", ",") for x in size],
            "code": code,
            "place": place,
            "moved": [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2001" for i in range(N_ROWS)],
            "rent": rent.round(2),
            "label": np.where(rent > 100, "01", "02"),
        }
    )


COMMAND = ("fit", "flats.csv", "--quiet", *FAST)


@pytest.fixture
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flats().to_csv("flats.csv", index=False)
    return tmp_path


def fit_rent(run, *options):
    command = (*COMMAND, "--target", "rent", "--drop", "label", *options)
    done = run(*command)
    assert (done.code, done.out) == (0, "")


def predicted(run, table, *options):
    done = run("predict", "flats.cerebros", table, *options)
    assert done.code == 0
    return pd.read_csv(io.StringIO(done.out), dtype=str)


def test_rows_of_a_part_are_answered_as_in_the_whole(run, there, monkeypatch):
    fit_rent(run, "--text", "place")
    kinds = {k: v.kind for k, v in load("flats.cerebros").schema.columns.items()}
    assert kinds == {"size": "number", "code": "text", "place": "text", "moved": "date"}
    whole = predicted(run, "flats.csv")["rent"].astype(float).to_numpy()
    table = flats()
    is_numeric = (table["code"] != "1A").to_numpy()
    for rows in (is_numeric, np.arange(N_ROWS) == 7, np.arange(N_ROWS) % 2 == 0):
        part = table[rows]
        part.to_csv("part.csv", index=False)
        part.to_csv("part.tsv", index=False, sep="\t")
        monkeypatch.setattr(
            sys,
            "stdin",
            io.TextIOWrapper(io.BytesIO((there / "part.csv").read_bytes())),
        )
        for name in ("part.csv", "part.tsv", "-"):
            found = predicted(run, name)["rent"].astype(float)
            np.testing.assert_allclose(found, whole[rows], rtol=1e-5)


def test_kept_codes_keep_their_zeros(run, there):
    fit_rent(run)
    assert predicted(run, "flats.csv", "--keep", "code")["code"].tolist() == (
        flats()["code"].tolist()
    )
    flats()[:2].assign(code=["01", "02"]).to_csv("part.csv", index=False)
    done = run("predict", "flats.cerebros", "part.csv", "--keep", "code", "--json")
    rows = json.loads(done.out)["rows"]
    assert [row["code"] for row in rows] == ["01", "02"]


def test_na_is_a_name_where_it_was_asked_to_be(run, there):
    fit_rent(run, "--text", "place")
    place = load("flats.cerebros").encoding.encoders["place"]
    assert (place.kept, place.has_missing) == (("EU", "NA"), False)
    fit_rent(run, "--overwrite")
    place = load("flats.cerebros").encoding.encoders["place"]
    assert (place.kept, place.has_missing) == (("EU",), True)


def test_one_changed_cell_is_missing_and_said(run, there):
    fit_rent(run)
    expected = predicted(run, "flats.csv")["rent"].astype(float)
    table = flats()
    table.loc[4, "size"] = "?"
    table.to_csv("spoilt.csv", index=False)
    done = run("predict", "flats.cerebros", "spoilt.csv")
    assert (
        "[unread-values] column 'size': 1 of its 90 values are no numbers" in done.err
    )
    found = pd.read_csv(io.StringIO(done.out))["rent"]
    np.testing.assert_allclose(found.drop(4), expected.drop(4), rtol=1e-5)
    table.to_csv("flats.csv", index=False)
    done = run(
        *COMMAND[:2], *FAST, "--target", "rent", "--drop", "label", "--overwrite"
    )
    assert "silence this with --ignore unread-values:size" in done.err
    assert load("flats.cerebros").schema.columns["size"].kind == "number"


def test_targets_are_read_as_training_read_its_own(run, there):
    table = flats()
    amounts = np.arange(N_ROWS) + 0.25
    table["rent"] = [f"{amount:.3f}".replace(".", ",") for amount in amounts]
    table.loc[0, "rent"] = "0,5"
    table.to_csv("flats.csv", index=False)
    fit_rent(run)
    table[1:30].to_csv("part.csv", index=False)  # where commas could be of thousands
    done = run("evaluate", "flats.cerebros", "part.csv", "--json")
    assert json.loads(done.out)["scores"]["rmse"] < 1000
    table.assign(rent="much").to_csv("part.csv", index=False)
    done = run("evaluate", "flats.cerebros", "part.csv")
    assert done.code == 2
    assert "rent holds text where numbers are needed, for example 'much'" in done.err


def test_labels_keep_their_zeros(run, there):
    done = run(*COMMAND, "--target", "label", "--drop", "rent")
    assert done.code == 0
    assert load("flats.cerebros").classes.tolist() == ["01", "02"]
    assert set(predicted(run, "flats.csv")["label"]) <= {"01", "02"}
    whole = json.loads(run("evaluate", "flats.cerebros", "flats.csv", "--json").out)
    assert whole["n_rows"] == N_ROWS
    assert 0 <= whole["scores"]["accuracy"] <= 1
    flats().assign(label="1").to_csv("other.csv", index=False)
    done = run("evaluate", "flats.cerebros", "other.csv")
    assert done.code == 2
    assert "does not know" not in done.out
    assert "90 of 90 rows have a 'label' that the model does not know, such as '1'" in (
        " ".join(done.err.split())
    )


def test_a_label_may_be_none(run, there):
    table = flats()
    table["label"] = np.where(table["label"] == "01", "None", "7")
    table.to_csv("flats.csv", index=False)
    options = ("--target", "label", "--drop", "rent")
    done = run(*COMMAND, *options)
    assert done.code == 2
    assert "name the target with --text" in done.err
    assert run(*COMMAND, *options, "--text", "label").code == 0
    assert load("flats.cerebros").classes.tolist() == ["7", "None"]
    answers = run("predict", "flats.cerebros", "flats.csv").out.split()
    assert set(answers[1:]) <= {"7", "None"}
    whole = json.loads(run("evaluate", "flats.cerebros", "flats.csv", "--json").out)
    assert whole["n_rows"] == N_ROWS


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (["1,5", "2,5", "3,5", "1,5"] * 5, "f", [1.5, 2.5, 3.5]),
        (["1", "2", "3", "2"] * 5, "i", [1, 2, 3]),
        (["1.0", "2.0", "", "2.0"] * 5, "i", [1, 2]),
        (["true", "False", "TRUE", "false"] * 5, "b", [False, True]),
        (["01", "02", "10", "02"] * 5, "O", ["01", "02", "10"]),
        (["(0, 1]", "(1, 2]"] * 5, "O", ["(0, 1]", "(1, 2]"]),
        (["5 kg", "7 kg"] * 5, "O", ["5 kg", "7 kg"]),
    ],
)
def test_targets_are_what_their_cells_are(texts, kind, values):
    from cerebros.cli._target import typed

    cells = pd.Series(texts, dtype=object).replace("", None).dropna()
    found = typed(cells)
    assert found.dtype.kind == kind
    assert sorted(found.unique().tolist()) == values


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["1", "2.5", None], [1, 2.5, None]),
        (["true", "FALSE"], [True, False]),
        (["08:30", "09:00"], ["08:30", "09:00"]),
        (["987", "1.234"], [987, 1.234]),
        (["5 %", "$7"], ["5 %", "$7"]),
        (["1,5", "2,5"], ["1,5", "2,5"]),
        (["2001-01", "2001-02"], ["2001-01", "2001-02"]),
        (["12345678901234567891", "2"], ["12345678901234567891", "2"]),
    ],
)
def test_kept_cells_are_numbers_only_where_they_are_written_so(texts, kept):
    from cerebros.cli._model_predict import _as_values

    found = _as_values(pd.Series(texts, dtype=object)).astype(object)
    assert found.where(found.notna(), None).tolist() == kept


def test_a_sheet_is_read_as_a_file(run, there):
    table = flats()
    table["moved"] = pd.to_datetime(table["moved"], dayfirst=True)
    table["size"] = table["size"].str.replace(",", ".").astype(float)
    table.loc[3, "size"] = None
    table.to_excel("flats.xlsx", index=False)
    command = ("--target", "rent", "--drop", "label", "--quiet", *FAST)
    done = run("fit", "flats.xlsx", *command)
    assert (done.code, done.err) == (0, "")
    schema = load("flats.cerebros").schema
    assert {k: v.kind for k, v in schema.columns.items()} == {
        "size": "number", "code": "text", "place": "text", "moved": "date",
    }  # fmt: skip
    table.to_csv("same.csv", index=False)
    found = predicted(run, "flats.xlsx")["rent"].astype(float)
    same = predicted(run, "same.csv")["rent"].astype(float)
    np.testing.assert_allclose(found, same, rtol=1e-5)


def test_a_workbook_of_several_tables_is_refused(run, there):
    with pd.ExcelWriter("two.xlsx") as book:
        flats().to_excel(book, sheet_name="a", index=False)
        flats().to_excel(book, sheet_name="b", index=False)
    done = run("fit", "two.xlsx", "--target", "rent", *FAST)
    assert done.code == 2
    assert "has 2 sheets that hold something: a, b" in done.err
