"""`cerebros evaluate`, `predict` and `export` with the file that `fit` wrote."""

import io
import json
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from homes import homes
from sklearn import metrics

from cerebros.estimators import CerebrosRegressor, PopulationSettings, load
from cerebros.plan import plan_from_json


def answers(text):
    return pd.read_csv(io.StringIO(text))


@pytest.fixture
def new(tmp_path):
    """Rows that no model has seen, with both targets."""
    path = tmp_path / "new.csv"
    homes(50, seed=1).to_csv(path, index=False)
    return path


def test_scores_of_a_regression_are_those_computed_by_hand(run, fitted, new):
    model = fitted / "price.cerebros"
    result = json.loads(run("evaluate", model, new, "--json").out)
    frame = pd.read_csv(new)
    truth, predictor = frame["price"], load(model)
    found = predictor.predict(frame)
    low, high = predictor.predict_interval(frame, alpha=0.1).T
    assert result["n_rows"] == 50
    assert result["targets"] == ["price"]
    assert result["scores"] == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(truth, found),
            "mae": metrics.mean_absolute_error(truth, found),
            "r2": metrics.r2_score(truth, found),
        }
    )
    assert result["coverage"] == {
        "nominal": 0.9,
        "share": pytest.approx(np.mean((low <= truth) & (truth <= high))),
    }
    assert result["promised"]["metric"] == "rmse"
    assert result["promised"]["score"] > 0


def test_scores_of_a_classification_are_those_computed_by_hand(run, fitted, new):
    model = fitted / "kind.cerebros"
    result = json.loads(run("evaluate", model, new, "--json").out)
    frame = pd.read_csv(new)
    truth, predictor = frame["kind"], load(model)
    shares = predictor.predict_proba(frame)
    assert result["scores"] == pytest.approx(
        {
            "log_loss": metrics.log_loss(truth, shares),
            "accuracy": np.mean(predictor.predict(frame) == truth),
            "roc_auc": metrics.roc_auc_score(truth == "small", shares[:, 1]),
        }
    )
    assert result["coverage"] is None


def test_rows_judge_by_their_weights(run, fitted, new):
    model, frame = fitted / "price.cerebros", pd.read_csv(new)
    weights = np.arange(50.0)
    frame.assign(weight=weights).to_csv(new, index=False)
    command = ("evaluate", model, new, "--weight")
    result = json.loads(run(*command, "weight", "--json").out)
    truth, predictor = frame["price"], load(model)
    low, high = predictor.predict_interval(frame, alpha=0.1).T
    off = metrics.root_mean_squared_error(
        truth, predictor.predict(frame), sample_weight=weights
    )
    assert result["scores"]["rmse"] == pytest.approx(off)
    is_inside = (low <= truth) & (truth <= high)
    assert result["coverage"]["share"] == pytest.approx(weights @ is_inside / 1225)
    assert "no column 'weights'" in run(*command, "weights").err


def test_an_evaluation_stands_beside_the_promise(run, fitted, new):
    done = run("evaluate", fitted / "price.cerebros", new)
    assert (done.code, done.err) == (0, "")
    heading = next(line for line in done.out.splitlines() if "promised" in line)
    rmse = next(line for line in done.out.splitlines() if line.startswith("rmse"))
    assert heading.split() == ["metric", "these", "rows", "promised"]
    assert " ± " in rmse
    assert "of the rows are in the intervals that should hold 90%" in done.out


def test_rows_unlike_those_of_the_training_are_named(run, fitted, tmp_path):
    frame = homes(50, seed=1)
    frame["size"] = frame["size"] + 1000
    frame["street"] = "Fir"
    frame.to_csv(tmp_path / "far.csv", index=False)
    for command in ("evaluate", "predict"):
        done = run(command, fitted / "price.cerebros", tmp_path / "far.csv")
        said = done.out if command == "evaluate" else done.err
        assert "[range-drift] column 'size'" in said
        assert "[category-drift] column 'street'" in said
        assert "ignore=" not in said


def test_another_column_may_hold_the_target(run, fitted, new):
    frame = pd.read_csv(new).rename(columns={"price": "paid"})
    frame.to_csv(new, index=False)
    model = fitted / "price.cerebros"
    done = run("evaluate", model, new)
    assert (done.code, done.out) == (2, "")
    assert "the table has no column 'price'" in done.err
    assert run("evaluate", model, new, "--target", "paid").code == 0


def test_one_row_can_be_judged(run, fitted, new):
    homes(1, seed=1).to_csv(new, index=False)
    for target in ("price", "kind"):
        done = run("evaluate", fitted / f"{target}.cerebros", new)
        assert done.code == 0
        assert "–" in done.out


@pytest.mark.parametrize(
    ("target", "value", "words"),
    [
        ("kind", "huge", "1 of 50 rows have a 'kind' that the model does not know"),
        ("kind", None, "is missing (empty, NA, None or the like) in 1 of 50 rows"),
        ("price", None, "leave them out with --drop-missing-target"),
        ("price", np.inf, "are infinite"),
    ],
)
def test_targets_that_judge_nothing(run, fitted, new, target, value, words):
    frame = homes(50, seed=1).astype({target: object})
    frame.loc[0, target] = value
    frame.to_csv(new, index=False)
    done = run("evaluate", fitted / f"{target}.cerebros", new)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    if value is None:
        model = fitted / f"{target}.cerebros"
        assert run("evaluate", model, new, "--drop-missing-target").code == 0


def test_labels_are_compared_by_how_they_read(run, tmp_path, new):
    frame = homes().drop(columns="price")
    frame["kind"] = frame["kind"] == "big"
    frame.to_parquet(tmp_path / "t.parquet")
    settings = ("--trials", "1", "--folds", "2", "--epochs", "1", "--quiet")
    out = ("--out", tmp_path / "m.cerebros")
    assert (
        run("fit", tmp_path / "t.parquet", "--target", "kind", *settings, *out)[0] == 0
    )
    other = homes(50, seed=1).drop(columns="price")
    other["kind"] = (other["kind"] == "big").astype(str)
    other.to_csv(new, index=False)
    assert run("evaluate", tmp_path / "m.cerebros", new).code == 0
    found = answers(run("predict", tmp_path / "m.cerebros", new).out)
    assert set(found["kind"]) <= {True, False}


def test_predictions_are_those_of_the_predictor(run, fitted, new):
    frame = pd.read_csv(new)
    done = run("predict", fitted / "price.cerebros", new)
    assert (done.code, done.err) == (0, "ignored columns: kind\n")
    expected = load(fitted / "price.cerebros").predict(frame)
    np.testing.assert_allclose(answers(done.out)["price"], expected)
    done = run("predict", fitted / "kind.cerebros", new, "--proba", "--out", "-")
    found = answers(done.out)
    predictor = load(fitted / "kind.cerebros")
    assert found.columns.tolist() == ["kind", "p_big", "p_small"]
    assert found["kind"].tolist() == predictor.predict(frame).tolist()
    shares = found[["p_big", "p_small"]]
    np.testing.assert_allclose(shares, predictor.predict_proba(frame))


def test_intervals_and_kept_columns_stand_beside_predictions(run, fitted, new):
    options = ("--interval", "0.2", "--keep", "sold", "price")
    done = run("predict", fitted / "price.cerebros", new, *options)
    found, frame = answers(done.out), pd.read_csv(new)
    names = ["sold", "price", "price_predicted", "price_low", "price_high"]
    assert found.columns.tolist() == names
    assert found["price"].tolist() == frame["price"].tolist()
    expected = load(fitted / "price.cerebros").predict_interval(frame, 0.2)
    np.testing.assert_allclose(found[["price_low", "price_high"]], expected)


def test_order_new_categories_missing_values_and_single_rows(run, fitted, new):
    model = fitted / "price.cerebros"
    frame = homes(50, seed=1)
    frame.loc[0, "street"] = "Fir"
    frame.loc[1, ["street", "sold"]] = None
    frame.loc[2, "size"] = np.nan
    frame.to_csv(new, index=False)
    straight = run("predict", model, new).out
    frame.iloc[:, ::-1].drop(columns=["price", "kind"]).to_csv(new, index=False)
    assert run("predict", model, new).out == straight
    found = answers(straight)["price"]
    assert np.isfinite(found).all()
    for i in range(3):
        frame.iloc[[i]].to_csv(new, index=False)
        one = answers(run("predict", model, new).out)["price"]
        np.testing.assert_allclose(one, found[[i]], rtol=1e-5)


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.parquet"])
def test_predictions_go_to_files_of_several_kinds(run, fitted, new, tmp_path, name):
    path = tmp_path / "new" / name
    done = run("predict", fitted / "kind.cerebros", new, "--out", path)
    assert (done.code, done.out) == (0, "")
    assert str(path) in done.err
    read = {
        "p.csv": pd.read_csv,
        "p.tsv": lambda p: pd.read_csv(p, sep="\t"),
        "p.parquet": pd.read_parquet,
    }[name]
    assert (
        read(path)["kind"].tolist()
        == answers(run("predict", fitted / "kind.cerebros", new).out)["kind"].tolist()
    )


def test_predictions_are_also_json(run, fitted, new):
    done = run("predict", fitted / "kind.cerebros", new, "--proba", "--json")
    result = json.loads(done.out)
    assert result["targets"] == ["kind"]
    assert set(result["rows"][0]) == {"kind", "p_big", "p_small"}
    assert len(result["rows"]) == 50


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("price", ("--proba",), "this model predicts the numbers of 'price'"),
        ("kind", ("--interval", "0.1"), "tells classes apart"),
        ("price", ("--trial", "1"), "is a model file"),
        ("price", ("--keep", "sizes"), "did you mean 'size'?"),
        ("price", ("--out", "p.txt"), "ends in .csv, .tsv, .parquet"),
        ("price", ("--keep", "price", "price_predicted"), "named 'price_predicted'"),
    ],
)
def test_what_a_model_cannot_answer(run, fitted, new, model, options, words):
    pd.read_csv(new).assign(price_predicted=1).to_csv(new, index=False)
    done = run("predict", fitted / f"{model}.cerebros", new, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_the_table_itself_is_not_replaced(run, fitted, new):
    before = new.read_bytes()
    done = run("predict", fitted / "price.cerebros", new, "--out", new)
    assert done.code == 2
    assert "is the table itself" in done.err
    assert new.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="size"), "column 'size' is missing"),
        (lambda f: f.rename(columns={"size": "sizes"}), "is it the one named 'sizes'?"),
        (lambda f: f.assign(size="large"), "held numbers in training"),
        (lambda f: f.assign(size=np.inf), "50 infinite values"),
        (lambda f: f.iloc[:0], "has no rows"),
    ],
)
def test_a_table_that_does_not_fit_a_model(run, fitted, new, change, words):
    change(homes(50, seed=1)).to_csv(new, index=False)
    for command in ("predict", "evaluate"):
        done = run(command, fitted / "price.cerebros", new)
        assert (done.code, done.out) == (2, "")
        assert words in done.err


def test_what_is_no_model_is_refused(run, fitted, new, tmp_path):
    for command in (("predict",), ("evaluate",)):
        done = run(*command, new, new)
        assert (done.code, done.out) == (2, "")
        assert "is no model of cerebros, or it is damaged" in done.err
        done = run(*command, tmp_path / "none.cerebros", new)
        assert done.code == 3
        assert "there is no file" in done.err
    content = (fitted / "price.cerebros").read_bytes()
    cut = tmp_path / "cut.cerebros"
    for n in (0, 7, 200, len(content) // 2, len(content) - 1):
        cut.write_bytes(content[:n])
        done = run("predict", cut, new)
        assert (done.code, done.out) == (2, "")


def test_options_of_model_files_are_refused_for_folders(run, searched):
    folder, table = searched / "price", searched / "houses.csv"
    for options in (("--interval", "0.1"), ("--keep", "size")):
        done = run("predict", folder, table, *options)
        assert done.code == 2
        assert "is for model files" in done.err
    assert run("export", folder, "--networks", "1").code == 2


def test_several_targets_from_python_are_told_apart(run, tmp_path, new):
    frame = homes().drop(columns="kind")
    targets = pd.DataFrame({"price": frame.pop("price"), "rooms": frame.pop("rooms")})
    model = CerebrosRegressor(
        time_budget=None,
        n_trials=1,
        population=PopulationSettings(epochs=1, folds=2),
    ).fit(frame, targets)
    model.save(tmp_path / "two.cerebros")
    done = run("predict", tmp_path / "two.cerebros", new, "--interval", "0.1")
    found = answers(done.out)
    assert found.columns.tolist() == [
        *("price", "rooms", "price_low", "price_high", "rooms_low", "rooms_high")
    ]
    assert (found["rooms_low"] <= found["rooms_high"]).all()
    result = json.loads(run("evaluate", tmp_path / "two.cerebros", new, "--json").out)
    truth = pd.read_csv(new)[["price", "rooms"]]
    expected = metrics.mean_absolute_error(truth, found[["price", "rooms"]])
    assert result["scores"]["mae"] == pytest.approx(expected)
    done = run("evaluate", tmp_path / "two.cerebros", new, "--target", "price")
    assert done.code == 2


def test_a_model_of_arrays_is_told_its_target(run, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    settings = PopulationSettings(epochs=1, folds=2)
    model = CerebrosRegressor(time_budget=None, n_trials=1, population=settings)
    model.fit(x, x[:, 0] + rng.normal(size=60)).save(tmp_path / "m.cerebros")
    frame = pd.DataFrame(x, columns=["x0", "x1"]).assign(z=x[:, 0])
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert run("evaluate", tmp_path / "m.cerebros", tmp_path / "t.csv").code == 2
    command = ("evaluate", tmp_path / "m.cerebros", tmp_path / "t.csv")
    assert run(*command, "--target", "z").code == 0


def test_a_smaller_model_says_whose_promise_it_was(run, fitted, new, tmp_path):
    small = tmp_path / "small.cerebros"
    done = run("export", fitted / "price.cerebros", "--networks", "1", "--out", small)
    assert done.code == 0
    assert "the whole model (networks: 1)" in done.out
    whole = load(fitted / "price.cerebros")
    frame = pd.read_csv(new)
    found = answers(run("predict", small, new).out)["price"]
    np.testing.assert_allclose(found, whole.smaller(1).predict(frame))
    n = sum(own.n_folds for own in whole.networks)
    said = f"The promise was made by {n} networks; the file holds 1 of them."
    assert said in run("evaluate", small, new).out


def test_a_plan_and_a_keras_model_are_exported(run, fitted, tmp_path):
    model = fitted / "kind.cerebros"
    done = run("export", model, "--out", tmp_path / "plan.json", "--json")
    result = json.loads(done.out)
    assert result["classes"] == ["big", "small"]
    assert result["columns"] == ["size", "rooms", "street", "sold", "town"]
    predictor = load(model)
    best = max(predictor.networks, key=lambda own: own.share)
    assert plan_from_json((tmp_path / "plan.json").read_text()) == best.plan
    assert run("export", model, "--out", tmp_path / "k.keras").code == 0
    network = keras.saving.load_model(tmp_path / "k.keras")
    features = predictor.encoding.transform(predictor.columns(homes(5, seed=1)))
    inputs = features[: len(network.inputs)]
    shares = network.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    expected = best.answers(*features)[0]
    np.testing.assert_allclose(shares, expected, atol=1e-5)


def test_an_onnx_file_answers_raw_rows(run, fitted, tmp_path):
    path = tmp_path / "m.onnx"
    done = run("export", fitted / "price.cerebros", "--out", path)
    assert done.code == 0, done.err
    assert "raw rows to answers" in done.out
    import onnx

    onnx.checker.check_model(str(path))
    small = run("export", fitted / "price.cerebros", "--networks", "1", "--out", path)
    assert small.code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "name the file to write with --out"),
        (("--out", "m.h5"), "ends in .onnx, .keras, .json, .cerebros"),
        (("--out", "m.json", "--trial", "1"), "--trial is for search folders"),
        (("--out", "m.json", "--search", "s"), "--search is for search folders"),
    ],
)
def test_what_cannot_be_exported(run, fitted, options, words):
    done = run("export", fitted / "price.cerebros", *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_model_is_not_replaced_by_a_smaller_one(run, fitted):
    path = fitted / "price.cerebros"
    done = run("export", path, "--networks", "1", "--out", path)
    assert done.code == 2
    assert "is the model itself" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "price.cerebros", "homes.csv", "--interval", "0.1"),
        ("predict", "kind.cerebros", "homes.csv", "--proba"),
        ("evaluate", "price.cerebros", "homes.csv"),
        ("evaluate", "kind.cerebros", "homes.csv"),
        ("export", "price.cerebros", "--networks", "2", "--out"),
    ],
    ids=" ".join,
)
def test_a_model_is_used_without_jax_keras_and_scikit_learn(
    fitted, environment, tmp_path, arguments
):
    program = (
        "import sys; from cerebros.cli import main; code = main(sys.argv[1:]); "
        "bad = {'jax', 'keras', 'sklearn', 'tensorflow'} & {*sys.modules}; "
        "sys.exit(f'{code} {bad}' if code or bad else 0)"
    )
    last = [str(tmp_path / "s.cerebros")] if arguments[-1] == "--out" else []
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, *last],
        cwd=fitted,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.replace("ignored columns: ", "")) in {
        *((0, text) for text in ("", "kind\n", "price\n"))
    }
