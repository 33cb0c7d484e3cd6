"""The job file: what is written is read, and what is damaged is said."""

import json
from dataclasses import replace

import pytest

from cerebros.cli._search_record import RECORD_FILE, VERSION, SearchRecord, read_record
from cerebros.cli._selection import Selection
from cerebros.cli._source import Source
from cerebros.errors import DataError, StoreError
from cerebros.jobs import read_table
from cerebros.spaces import RandomWiring
from cerebros.training import Objective, TrainingSettings


@pytest.fixture
def job():
    return SearchRecord(
        source=Source("/data/t.csv", "../t.csv", "ab" * 32),
        selection=Selection(
            target="größe",
            task="classification",
            columns=("a", "b"),
            medians=(0.5, 2.0),
            validation=0.2,
            test=0.1,
            seed=4,
        ),
        space=RandomWiring(levels=(2, 7), neurons=(1, 4)),
        training=TrainingSettings(epochs=3, batch_size=8, patience=2),
        objective=Objective("val_accuracy", "maximize"),
        seed=4,
        n_trials=6,
        n_wirings=2,
        keep="all",
        classes=("groß", "klein"),
    )


def damage(folder, **changes):
    path = folder / RECORD_FILE
    data = json.loads(path.read_text("utf-8")) | changes
    data = {key: value for key, value in data.items() if value is not ...}
    path.write_text(json.dumps(data), "utf-8")


def test_a_job_survives_its_file(tmp_path, job):
    job.write(tmp_path)
    assert read_record(tmp_path) == job
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_FILE]


@pytest.mark.parametrize(
    "labels", [(True, False), (3, 7), (3.5, 7.5), ("NaN", "None"), ()]
)
def test_labels_keep_their_kind(tmp_path, job, labels):
    replace(job, classes=labels).write(tmp_path)
    read = read_record(tmp_path)
    assert read.classes == labels
    assert [type(a) for a in read.classes] == [type(b) for b in labels]


def test_a_folder_without_a_job_has_none(tmp_path):
    assert read_record(tmp_path) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": ...}, "it lacks 'seed'"),
        ({"selection": None}, "damaged"),
        ({"selection": {"target": "y"}}, "it lacks 'medians'"),
        ({"training": {"epochs": "many"}}, "epochs must be a whole number"),
        ({"training": {"speed": 1}}, "speed"),
        ({"space": {"levels": [7, 2]}}, "levels must be a closed range"),
        ({"n_trials": "6"}, "n_trials must be a whole number >= 1"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"keep": 0}, "keep must be a whole number >= 1"),
        ({"format": "something.else"}, '"format": "cerebros.job"'),
    ],
)
def test_a_damaged_job_is_refused(tmp_path, job, changes, words):
    job.write(tmp_path)
    damage(tmp_path, **changes)
    with pytest.raises(StoreError, match="is damaged") as caught:
        read_record(tmp_path)
    assert words in str(caught.value)
    assert str(tmp_path / RECORD_FILE) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_job_at_all_is_refused(tmp_path, text):
    (tmp_path / RECORD_FILE).write_text(text)
    with pytest.raises(StoreError, match="is damaged"):
        read_record(tmp_path)


def test_a_job_of_a_newer_release_is_refused(tmp_path, job):
    job.write(tmp_path)
    damage(tmp_path, version=VERSION + 1, novelty={})
    with pytest.raises(StoreError, match="newer release"):
        read_record(tmp_path)


def test_one_median_belongs_to_each_column(job):
    with pytest.raises(ValueError, match="1 medians for 2 columns"):
        replace(job.selection, medians=(1.0,))


@pytest.fixture
def source(tmp_path):
    """A table beside the folder of a search."""
    table, folder = tmp_path / "t.csv", tmp_path / "search"
    table.write_text("a,y\n1,2\n")
    folder.mkdir()
    digest = read_table(str(table)).sha256
    return Source.of(table, digest, folder), folder, table


def test_the_table_is_found_where_it_was(source):
    written, folder, table = source
    assert written.read(folder).content == table.read_bytes()


def test_the_table_is_found_when_it_moved_together_with_the_folder(source, tmp_path):
    written, folder, table = source
    new_home = tmp_path / "elsewhere"
    new_home.mkdir()
    folder.rename(new_home / folder.name)
    table.rename(new_home / table.name)
    found = written.read(new_home / folder.name)
    assert found.path.resolve() == (new_home / table.name).resolve()


def test_the_unchanged_one_of_two_tables_is_taken(source, tmp_path):
    written, folder, table = source
    new_home = tmp_path / "elsewhere"
    new_home.mkdir()
    folder.rename(new_home / folder.name)
    (new_home / table.name).write_text("something,else\n3,4\n")
    assert written.read(new_home / folder.name).path == table


def test_a_changed_or_lost_table_is_not_taken(source):
    written, folder, table = source
    table.write_text("a,y\n1,3\n")
    with pytest.raises(DataError, match="has changed since the search was begun"):
        written.read(folder)
    moved = table.rename(table.with_name("moved.csv"))
    with pytest.raises(DataError, match="say where it is now with --table"):
        written.read(folder)
    with pytest.raises(DataError, match=r"moved\.csv has changed"):
        written.read(folder, str(moved))
    moved.write_text("a,y\n1,2\n")
    assert written.read(folder, str(moved)).path == moved
