"""A job leaves everything in its folder, and gives the same when it is run again."""

import csv
import json

import keras
import numpy as np
import pandas as pd
import pytest

from cerebros.caches import CACHE_VARIABLE
from cerebros.cli import main
from cerebros.errors import DataError, JobError, StemError, StoreError
from cerebros.jobs import parse_job, run_job
from cerebros.search import Silent

IRIS = """
[data]
bundled = "iris"
target = "target"
task = "classification"
[space]
levels = [1, 2]
units = [1, 2]
neurons = [2, 4]
[training]
epochs = 3
[search]
n_architectures = 3
seed = 4
[output]
folder = "FOLDER"
"""


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


def run(text, base, folder="run"):
    job = parse_job(text.replace("FOLDER", folder), base=base)
    return run_job(job, show="none")


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    base = tmp_path_factory.mktemp("iris")
    return base, run(IRIS, base)


def test_everything_is_in_the_folder(iris):
    base, result = iris
    folder = base / "run"
    assert (folder / "job.toml").read_text() == IRIS.replace("FOLDER", "run")
    versions = json.loads((folder / "versions.json").read_text())
    assert {"cerebros", "python", "keras", "jax", "keras backend"} <= {*versions}
    assert "trial 2 finished" in (folder / "log.txt").read_text()
    with (folder / "history.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [(r["trial"], r["epoch"]) for r in rows] == [
        (str(n), str(e)) for n in range(3) for e in range(3)
    ]
    trials = json.loads((folder / "history.json").read_text())
    assert [t["trial"] for t in trials] == [0, 1, 2]
    assert float(rows[4]["val_loss"]) == trials[1]["history"]["val_loss"][1]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["trial"] == result.found.best_trial.number
    assert summary["classes"] == [0, 1, 2]
    assert {*summary["scores"]} == {"validation", "test", "test_of_constant"}
    report = (folder / "report.md").read_text()
    assert "| test |" in report
    model = keras.models.load_model(folder / "model.keras")
    x = result.found.context.data.inputs[0]
    np.testing.assert_allclose(
        model.predict(x, verbose=0),
        result.found.best_model().predict(x, verbose=0),
        rtol=1e-5,
    )


def test_the_same_job_gives_the_same(iris):
    base, _ = iris
    run(IRIS, base, "again")
    for name in ("history.csv", "history.json", "summary.json", "report.md"):
        assert (base / "again" / name).read_text() == (base / "run" / name).read_text()


def test_the_same_job_in_its_folder_trains_nothing_again(iris):
    base, result = iris
    again = run(IRIS, base)
    assert again.found.all_trials == result.found.all_trials
    assert "3 of 3 trials are there" in (base / "run/log.txt").read_text()


class StopsAfterATrial(Silent):
    def trial(self, trial):
        raise KeyboardInterrupt


def test_a_job_that_was_stopped_goes_on_and_ends_the_same(iris):
    base, _ = iris
    job = parse_job(IRIS.replace("FOLDER", "stopped"), base=base)
    with pytest.raises(KeyboardInterrupt):
        run_job(job, show=StopsAfterATrial())
    assert not (base / "stopped" / "report.md").exists()
    assert "ended by KeyboardInterrupt" in (base / "stopped/log.txt").read_text()
    run_job(job, show="none")
    for name in ("history.csv", "summary.json"):
        own = (base / "stopped" / name).read_text()
        assert own == (base / "again" / name).read_text()


def test_more_trials_go_on_and_another_job_is_refused(iris):
    base, _ = iris
    more = run(IRIS.replace("architectures = 3", "architectures = 4"), base)
    assert len(more.found.all_trials) == 4
    before = (base / "run" / "job.toml").read_text()
    with pytest.raises(StoreError, match=r"training\.epochs \(3 there, 5 now\)"):
        run(IRIS.replace("epochs = 3", "epochs = 5"), base)
    assert (base / "run" / "job.toml").read_text() == before


# --- Stems --------------------------------------------------------------------------

TANDEM = """
[data]
file = "images.npz"
target = "label"
task = "classification"
[[inputs]]
array = "images"
stem = "keras"
file = "base.keras"
cut = "relu"
pooling = "average"
[[inputs]]
array = "table"
stem = "standardize"
[space]
kind = "residual_mlp"
blocks = [1, 1]
depth = [1, 2]
width = [4, 6]
[training]
epochs = 2
[search]
n_architectures = 2
[fine_tuning]
layers = "last_convolution"
n_heads = 1
epochs = 1
[output]
folder = "FOLDER"
"""


def write_images(base):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, size=(60, 6, 6, 1), dtype=np.uint8)
    np.savez(
        base / "images.npz",
        images=images,
        table=rng.normal(size=(60, 2)),
        label=np.where(images[:, :3].mean(axis=(1, 2, 3)) > 127, "light", "dark"),
    )
    x = keras.Input((8, 8, 3))
    y = keras.layers.Conv2D(3, 3)(keras.layers.Rescaling(1 / 255)(x))
    y = keras.layers.ReLU(name="relu")(y)
    y = keras.layers.Dense(2)(keras.layers.Flatten()(y))
    keras.Model(x, y).save(base / "base.keras")


def test_a_tandem_with_fine_tuning_in_one_file(tmp_path):
    write_images(tmp_path)
    result = run(TANDEM, tmp_path)
    assert len(result.tuned.all_trials) == 1
    assert (tmp_path / "run" / "fine_tuning_history.csv").exists()
    report = (tmp_path / "run" / "report.md").read_text()
    assert "## Trials of the fine-tuning" in report
    assert "StandardScaler" in report
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert [x[1:] for x in model.input_shape] == [(6, 6, 1), (2,)]


def test_text_in_a_table(tmp_path):
    rng = np.random.default_rng(0)
    words = np.array(["free", "prize", "home", "lunch", "<b>"])
    texts = [" ".join(rng.choice(words, 5)) for _ in range(60)]
    labels = ["spam" if "free" in text else "ham" for text in texts]
    frame = pd.DataFrame({"text": texts, "n": rng.normal(size=60), "label": labels})
    frame.to_csv(tmp_path / "texts.csv", index=False)
    text = """
[data]
file = "texts.csv"
target = "label"
task = "classification"
[[inputs]]
columns = ["text"]
stem = "tfidf"
components = 3
[[inputs]]
columns = ["n"]
[training]
epochs = 2
[search]
n_architectures = 1
[output]
folder = "FOLDER"
"""
    result = run(text, tmp_path)
    assert result.found.best_trial.plan.input_widths == (3, 1)
    frame.loc[3, "text"] = None
    frame.to_csv(tmp_path / "texts.csv", index=False)
    with pytest.raises(DataError, match="column 'text' has values that are missing"):
        run(text, tmp_path, "other")
    frame.dropna().to_csv(tmp_path / "texts.csv", index=False)
    for change, message in (
        (('["text"]', '["txt"]'), "there is no such column; there are text, n, label"),
        (('["text"]', '["text", "n"]'), "reads one column of text, but gets 2"),
        (('["text"]', '["label"]'), "columns holds the target 'label'"),
        (('target = "label"', 'target = "lable"'), "target = 'lable': there is no"),
        (('columns = ["n"]', 'array = "n"'), "array goes with .npz files"),
    ):
        with pytest.raises(JobError, match=message):
            run(text.replace(*change), tmp_path, "other")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (('"images.npz"', '"none.npz"'), DataError, "cannot be read: No such file"),
        (('file = "base.keras"', ""), JobError, "file is missing: stem = 'keras'"),
        (('"base.keras"', '"none.keras"'), StemError, "there is no model file"),
        (('"relu"', '"rely"'), StemError, "did you mean 'relu'"),
        (('array = "table"', ""), JobError, "array is missing; give one of"),
        (('"table"', '"label"'), JobError, "array is the target 'label'"),
        (('"last_convolution"', '["c"]'), StemError, "has no layer 'c'"),
    ],
)
def test_a_job_that_does_not_fit_its_data(change, error, message, tmp_path):
    write_images(tmp_path)
    with pytest.raises(error, match=message):
        run(TANDEM.replace(*change), tmp_path)
    if (tmp_path / "run" / "log.txt").exists():
        assert "ended by" in (tmp_path / "run" / "log.txt").read_text()


# --- From the command line ----------------------------------------------------------


def test_the_command_line_runs_a_job(tmp_path, capsys):
    (tmp_path / "job.toml").write_text(IRIS.replace("FOLDER", "out"))
    assert main(["run", str(tmp_path / "job.toml"), "--check"]) == 0
    assert "can be run" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert main(["run", str(tmp_path / "job.toml"), "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (tmp_path / "out" / "model.keras").exists()
    assert told["files"]["report"] == str(tmp_path / "out" / "report.md")
    assert main(["trials", str(tmp_path / "out")]) == 0
    assert "val_loss" in capsys.readouterr().out


def test_template_schema_and_mistakes(tmp_path, capsys):
    assert main(["run", "--template"]) == 0
    assert parse_job(capsys.readouterr().out, base=tmp_path).data["bundled"] == "digits"
    assert main(["run", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"]
    assert main(["run"]) == 2
    assert "there is no job file to run" in capsys.readouterr().err
    (tmp_path / "job.toml").write_text(IRIS.replace("epochs", "epoch"))
    assert main(["run", str(tmp_path / "job.toml")]) == 2
    assert "did you mean 'epochs'" in capsys.readouterr().err
