"""onnxruntime answers raw rows as `Predictor` does."""

import json
import sys
import warnings
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

from cerebros.errors import DataError, StoreError
from cerebros.estimators import (
    CerebrosClassifier,
    CerebrosRegressor,
    EncodingSettings,
    PopulationSettings,
    Predictor,
)
from cerebros.estimators._networks import ACTIVATE, Networks
from cerebros.estimators._predictor import Certainty
from cerebros.estimators._targets import TargetTransform
from cerebros.estimators.guards import TableRanges
from cerebros.estimators.onnx_export import onnx_inputs, write_onnx
from cerebros.estimators.onnx_export._answers import label_array
from cerebros.estimators.table import (
    DateEncoder,
    TextEncoder,
    columns_of,
    fit_encoding,
)
from cerebros.lowering import weight_shapes
from cerebros.spaces import Output, Ports, WideMLP, WideWiring

WORDS = ("red", "green", "blue", "Äpfel", "soft", "hard", "old", "new", "big", "tiny")


def mixed(n=240, seed=0):
    """A table with a column of each kind."""
    rng = np.random.default_rng(seed)
    some = rng.random(n) < 0.15
    frame = pd.DataFrame(
        {
            "number": np.where(some, np.nan, rng.normal(3, 2, n)),
            "skewed": np.exp(3 * rng.normal(size=n)),
            "few": rng.integers(0, 4, n),
            "two": rng.choice([1.5, 4.0], n),
            "two with gaps": np.where(some, np.nan, rng.choice([0.0, 1.0], n)),
            "constant": np.full(n, 7.0),
            "constant with gaps": np.where(some, np.nan, 7.0),
            "mostly zero": np.where(
                rng.random(n) < 0.6,
                0.0,
                np.where(some, rng.integers(1, 9, n), np.exp(rng.normal(size=n))),
            ),
            "flag": rng.random(n) < 0.4,
            "color": rng.choice(["red", "green", "blue", "x y"], n),
            "place": rng.choice(["a", "b", "c", None], n, p=[0.6, 0.2, 0.1, 0.1]),
            "fine": [f"level {i}" for i in rng.integers(0, 90, n)],
            "day": np.datetime64("2019-03-01", "s")
            + (rng.random(n) * 9e7).astype("timedelta64[s]"),
            "told": [" ".join(rng.choice(WORDS, rng.integers(2, 7))) for _ in range(n)],
        }
    )
    frame.loc[:1, "color"] = ["rare", "rarer"]
    frame.loc[5, "day"] = None
    frame.loc[7, "told"] = None
    frame.loc[8:11, "fine"] = None
    return frame


def new_rows():
    """Rows with what training did not have."""
    rows = mixed(40, seed=1)
    rows.loc[0, "place"] = "unseen"
    rows.loc[1, ["color", "place", "told"]] = None
    rows.loc[2, ["number", "skewed", "two", "few"]] = [-1e9, 1e300, np.nan, np.nan]
    rows.loc[3, ["number", "skewed", "two"]] = [1e9, np.nan, 2.75]
    rows.loc[4, "day"] = pd.Timestamp("1950-02-03 04:05:06")
    rows["day"] = rows["day"].astype("datetime64[us]")
    rows.loc[5, "told"] = (
        "RED  Green\tgreen\n\nblue\r\x0bOLD\x0c ÄPFEL Äpfel äpfel\x1cnew"
    )
    rows.loc[6, "told"] = "nothing\u00a0known red\u3000soft\u2028hard\x85big"
    rows.loc[7, "told"] = " \t"
    rows.loc[8, "told"] = "red,green! (Äpfel)...new-old£5 $% ?!? hard\u2019soft €big"
    rows.loc[9, "told"] = "...,,,"
    rows.loc[:2, "fine"] = ["unseen", None, "level 3 "]
    rows.loc[:4, "mostly zero"] = [0.0, 3.0, np.nan, -1e9, 1e300]
    rows.loc[8, "color"] = " red"
    return rows


@pytest.fixture(scope="module")
def regression():
    frame = mixed()
    target = frame["skewed"].clip(0, 30) + 3 * (frame["color"] == "red")
    return fitted(CerebrosRegressor, frame, target + frame["number"].fillna(0))


@pytest.fixture(scope="module")
def two_targets():
    frame = mixed()
    both = pd.DataFrame({"a": frame["number"].fillna(0), "b": frame["two"]})
    return fitted(CerebrosRegressor, frame, both)


@pytest.fixture(scope="module")
def two_classes():
    frame = mixed()
    return fitted(CerebrosClassifier, frame, np.where(frame["two"] > 2, "yes", "no"))


@pytest.fixture(scope="module")
def three_classes():
    frame = mixed()
    return fitted(CerebrosClassifier, frame, frame["few"].clip(0, 2).to_numpy())


def fitted(kind, frame, target) -> Predictor:
    settings = PopulationSettings(epochs=4, folds=2)
    model = kind(time_budget=None, n_trials=2, population=settings)
    with warnings.catch_warnings():  # of guards, about so small a table
        warnings.simplefilter("ignore")
        return model.fit(frame, target).predictor_


def opened(predictor, folder):
    path = folder / "model.onnx"
    write_onnx(path, predictor)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def check_numbers(predictor, folder, table):
    session = opened(predictor, folder)
    for rows in (table, table.iloc[:1], table.iloc[5:8]):
        (numbers,) = session.run(["prediction"], onnx_inputs(predictor, rows))
        expected = predictor.predict(rows)
        assert numbers.dtype == np.float64
        assert numbers.shape == expected.shape
        scale = np.abs(predictor.predict(table)).max()
        np.testing.assert_allclose(numbers, expected, rtol=1e-4, atol=1e-5 * scale)


def check_classes(predictor, folder, table):
    session = opened(predictor, folder)
    for rows in (table, table.iloc[:1], table.iloc[5:8]):
        labels, shares = session.run(None, onnx_inputs(predictor, rows))
        np.testing.assert_allclose(
            shares, predictor.predict_proba(rows), rtol=1e-4, atol=1e-6
        )
        np.testing.assert_array_equal(labels, predictor.predict(rows))


def refitted(predictor, kind, target):
    """The same networks with another transform of all targets."""
    transform = TargetTransform.fit(kind, target)
    n = len(predictor.transforms[0])
    return replace(
        predictor, transforms=((transform,) * n,) * len(predictor.transforms)
    )


def drawn(
    frame, *, space=None, trials=3, folds=2, outputs=1, classes=None, settings=None
):
    """A predictor of networks with random weights."""
    rng = np.random.default_rng(3)
    columns = columns_of(frame)
    encoding = fit_encoding(
        columns,
        settings or EncodingSettings(most_categories=20),
        targets=rng.normal(size=(len(frame), 2)),
    )
    n_plain, n_encoded = encoding.n_features
    networks = []
    for trial in range(trials):
        widths = (n_plain, n_encoded) if n_encoded and trial % 3 < 2 else (n_plain,)
        last = Output(outputs, "linear" if classes is None else "softmax")
        plan = (space or WideWiring()).sample(Ports(widths, (last,)), rng).plan
        weights = {
            key: rng.normal(0, 0.3, (folds, *shape)).astype(np.float32)
            for key, shape in weight_shapes(plan).items()
        }
        networks.append(Networks(trial, plan, 0, (trial + 1) / 6, weights))
    identity = TargetTransform.fit("identity", rng.normal(100, 20, 200))
    return Predictor(
        encoding=encoding,
        networks=tuple(networks),
        transforms=() if classes is not None else ((identity,) * outputs,),
        classes=classes,
        target_names=() if classes is not None else tuple("abc"[:outputs]),
        is_flat=outputs == 1,
        certainty=Certainty(),
        ranges=TableRanges(),
    )


class TestRegression:
    def test_agrees(self, regression, tmp_path):
        check_numbers(regression, tmp_path, new_rows())

    def test_agrees_on_training_rows(self, regression, tmp_path):
        check_numbers(regression, tmp_path, mixed())

    @pytest.mark.parametrize("n", [1, 3])
    def test_fewer_networks(self, regression, tmp_path, n):
        check_numbers(regression.smaller(n), tmp_path, new_rows())

    def test_several_targets(self, two_targets, tmp_path):
        check_numbers(two_targets, tmp_path, new_rows())

    @pytest.mark.parametrize("kind", ["log", "quantile"])
    @pytest.mark.parametrize("n", [5, 37, 3000])
    def test_transforms(self, regression, tmp_path, kind, n):
        target = np.exp(2 * np.random.default_rng(1).normal(size=n))
        check_numbers(refitted(regression, kind, target), tmp_path, new_rows())

    def test_quantiles_with_ties(self, regression, tmp_path):
        target = np.repeat([1.0, 2.0, 2.5, 900.0], [300, 5, 200, 2])
        check_numbers(refitted(regression, "quantile", target), tmp_path, new_rows())

    def test_quantiles_of_a_constant(self, regression, tmp_path):
        other = refitted(regression, "quantile", np.full(30, 4.0))
        check_numbers(other, tmp_path, new_rows())

    def test_knots_close_together(self, regression, tmp_path):
        transform = TargetTransform(
            kind="quantile",
            mean=0.0,
            scale=1.0,
            low=-3.0,
            high=3.0,
            values=np.array([0.0, 1, 5, 6, 20, 21]),
            knots=np.array([-2.0, -0.1, -0.1 + 1e-9, -0.1 + 3e-9, 0.2, 1]),
        )
        n = len(regression.transforms)
        check_numbers(
            replace(regression, transforms=((transform,),) * n), tmp_path, new_rows()
        )

    def test_each_trial_and_target_has_a_transform(self, tmp_path):
        rng = np.random.default_rng(0)
        predictor = drawn(mixed(), outputs=3)
        kinds = ("identity", "log", "quantile")
        transforms = tuple(
            tuple(
                TargetTransform.fit(kinds[(i + k) % 3], np.exp(rng.normal(size=90)))
                for k in range(3)
            )
            for i in range(3)
        )
        own = tuple(replace(n, transform=i) for i, n in enumerate(predictor.networks))
        predictor = replace(predictor, networks=own, transforms=transforms)
        check_numbers(predictor, tmp_path, new_rows())

    def test_one_target_in_a_table(self, tmp_path):
        predictor = replace(drawn(mixed()), is_flat=False)
        assert predictor.predict(new_rows()).shape == (40, 1)
        check_numbers(predictor, tmp_path, new_rows())


class TestClassification:
    def test_two_classes(self, two_classes, tmp_path):
        assert label_array(two_classes.classes).dtype == object
        check_classes(two_classes, tmp_path, new_rows())

    def test_three_classes(self, three_classes, tmp_path):
        assert label_array(three_classes.classes).dtype == np.int64
        check_classes(three_classes, tmp_path, new_rows())

    @pytest.mark.parametrize("temperature", [0.4, 1.7])
    def test_temperature(self, two_classes, three_classes, tmp_path, temperature):
        for predictor in (two_classes, three_classes):
            certainty = replace(predictor.certainty, temperature=temperature)
            other = replace(predictor, certainty=certainty)
            check_classes(other, tmp_path, new_rows())
            check_classes(other.smaller(1), tmp_path, new_rows())

    @pytest.mark.parametrize("share", [0.1, 0.9])
    def test_threshold(self, two_classes, tmp_path, share):
        # Between two rows, so that rounding decides nothing.
        shares = np.sort(two_classes.predict_proba(new_rows())[:, 1])
        at = int(share * 40)
        certainty = replace(
            two_classes.certainty, threshold=float(shares[at : at + 2].mean())
        )
        other = replace(two_classes, certainty=certainty)
        assert (other.predict(new_rows()) == "yes").sum() == 39 - at
        check_classes(other, tmp_path, new_rows())

    @pytest.mark.parametrize(
        "classes",
        [
            np.array([1.5, 2.0]),
            np.array([1.5, 2.0], np.float32),
            np.array([False, True]),
            np.array([-3, 8], np.int32),
            np.array([3, 8], object),
            np.array(["no", "yes"], object),
            np.array(["no", "ja, é"]),
        ],
        ids=lambda classes: classes.dtype.str,
    )
    def test_types_of_labels(self, tmp_path, classes):
        predictor = drawn(mixed(), outputs=2, classes=classes)
        check_classes(predictor, tmp_path, new_rows())

    def test_labels_that_onnx_has_not(self, tmp_path):
        days = np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")
        predictor = drawn(mixed(), outputs=2, classes=days)
        with pytest.raises(DataError, match=r"make them text"):
            write_onnx(tmp_path / "model.onnx", predictor)
        assert not list(tmp_path.iterdir())

    def test_certain_answers(self, tmp_path):
        """Small probabilities are right, too, where a temperature makes them large."""
        predictor = drawn(mixed(), outputs=2, classes=np.array(["a", "b"]), trials=1)
        (own,) = predictor.networks
        weights = {key: 8 * value for key, value in own.weights.items()}
        predictor = replace(
            predictor,
            networks=(replace(own, weights=weights),),
            certainty=Certainty(temperature=8.0),
        )
        check_classes(predictor, tmp_path, new_rows())


class TestNetworks:
    @pytest.mark.parametrize("activation", sorted(set(ACTIVATE) - {"softmax"}))
    def test_activations(self, tmp_path, activation):
        space = WideWiring(levels=(3, 3), activation=activation)
        check_numbers(drawn(mixed(), space=space), tmp_path, new_rows())

    def test_activation_that_is_not_there(self, tmp_path):
        predictor = drawn(mixed(), space=WideWiring(activation="softmax"))
        with pytest.raises(DataError, match=r"trial 0: .*'?softmax'?"):
            write_onnx(tmp_path / "model.onnx", predictor)

    @pytest.mark.parametrize(
        "space",
        [
            WideMLP(),
            WideMLP(is_residual=True, dropout=0.1),
            WideMLP(levels=(5, 5), neurons=7, direct=False),
            WideWiring(units=(4, 4), neurons=9, direct=False, inputs=0),
            WideWiring(levels=(4, 4), inputs=1, skip=0),
            WideWiring(levels=(1, 1), neurons=1),
        ],
    )
    def test_spaces(self, tmp_path, space):
        check_numbers(drawn(mixed(), space=space, folds=3), tmp_path, new_rows())

    def test_many_trials_of_one_fold(self, tmp_path):
        predictor = drawn(mixed(), trials=13, folds=1)
        check_numbers(predictor, tmp_path, new_rows())

    def test_different_activations(self, tmp_path):
        first, second = (
            drawn(mixed(), space=WideWiring(activation=name))
            for name in ("relu", "mish")
        )
        networks = (*first.networks, *second.networks)
        check_numbers(replace(first, networks=networks), tmp_path, new_rows())


class TestColumns:
    @pytest.mark.parametrize("name", list(mixed().columns.drop("constant")))
    def test_one_column_alone(self, tmp_path, name):
        check_numbers(drawn(mixed()[[name]]), tmp_path, new_rows()[[name]])

    @pytest.mark.parametrize("bins", [0, 3])
    def test_bins(self, tmp_path, bins):
        settings = EncodingSettings(bins=bins)
        check_numbers(drawn(mixed(), settings=settings), tmp_path, new_rows())

    def test_several_dates_and_texts(self, tmp_path):
        def doubled(frame):
            return frame.assign(day2=frame["day"].to_numpy()[::-1], told2=frame["told"])

        predictor = drawn(doubled(mixed()))
        kinds = [type(encoder) for encoder in predictor.encoding.encoders.values()]
        assert kinds.count(TextEncoder) == kinds.count(DateEncoder) == 2
        check_numbers(predictor, tmp_path, doubled(new_rows()))

    def test_names_that_are_taken(self, tmp_path):
        names = {"number": "prediction", "two": "prediction_", "few": "constant_0"}
        names |= {"flag": "shape_0", "color": "concat_2", "skewed": "é / 'x'"}
        predictor = drawn(mixed().rename(columns=names))
        session = opened(predictor, tmp_path)
        table = new_rows().rename(columns=names)
        (numbers,) = session.run(["prediction__"], onnx_inputs(predictor, table))
        np.testing.assert_allclose(numbers, predictor.predict(table), rtol=1e-4)

    def test_empty_name(self, tmp_path):
        predictor = drawn(mixed().rename(columns={"number": ""}))
        with pytest.raises(DataError, match=r"empty name.*fit again"):
            write_onnx(tmp_path / "model.onnx", predictor)

    def test_features_that_know_targets(self):
        encoding = drawn(mixed()).encoding
        assert "told score 1" in encoding.feature_names()
        assert "fine mean target 1" in encoding.feature_names()
        assert encoding.encoders["fine"].means.means.any()

    def test_features_that_stay_zero(self, tmp_path):
        predictor = drawn(mixed())
        # Six rows have fewer categories, bins and words.
        few = columns_of(mixed().iloc[:6])
        fewer = predictor.encoding.refitted(few, targets=np.eye(6)[:, :2])
        assert fewer.feature_names().count("told unused") > 1
        check_numbers(replace(predictor, encoding=fewer), tmp_path, new_rows())

    def test_no_rows(self, tmp_path):
        predictor = drawn(mixed())
        feed = {k: v[:0] for k, v in onnx_inputs(predictor, new_rows()).items()}
        (numbers,) = opened(predictor, tmp_path).run(None, feed)
        assert numbers.shape == (0,)


class TestFile:
    def test_says_what_it_reads(self, two_classes, tmp_path):
        write_onnx(tmp_path / "model.onnx", two_classes)
        model = onnx.load(tmp_path / "model.onnx")
        onnx.checker.check_model(model, full_check=True)
        about = json.loads({p.key: p.value for p in model.metadata_props}["cerebros"])
        assert about["inputs"]["day"] == "date"
        assert about["inputs"]["color"] == "text"
        assert about["outputs"] == ["label", "probabilities"]
        assert about["classes"] == ["no", "yes"]
        assert "constant" not in about["inputs"]
        assert "'day': dates as days since the beginning of 1970" in model.doc_string

    def test_versions(self, regression, tmp_path):
        write_onnx(tmp_path / "model.onnx", regression)
        model = onnx.load(tmp_path / "model.onnx")
        assert model.ir_version == 8
        assert {own.domain: own.version for own in model.opset_import} == {
            "": 18,
            "ai.onnx.ml": 3,
            "com.microsoft": 1,
        }

    def test_without_text_operations_are_standard(self, tmp_path):
        write_onnx(tmp_path / "model.onnx", drawn(mixed()[["number", "day"]]))
        model = onnx.load(tmp_path / "model.onnx")
        assert {node.domain for node in model.graph.node} == {""}
        assert [own.domain for own in model.opset_import] == [""]

    def test_estimator_writes_it(self, tmp_path):
        model = CerebrosRegressor()
        model.predictor_ = drawn(mixed())
        model.to_onnx(tmp_path / "model.onnx")
        assert (tmp_path / "model.onnx").exists()

    def test_without_the_package(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnx", None)
        with pytest.raises(DataError, match=r"pip install 'cerebros\[onnx\]'"):
            write_onnx(tmp_path / "model.onnx", drawn(mixed()))

    def test_no_folder(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError):
            write_onnx(tmp_path / "file" / "model.onnx", drawn(mixed()))
