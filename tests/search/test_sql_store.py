"""A store in a folder: what happens to files, locks and damaged ones."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from made_up import CONTEXT, MadeUpExecutor, a_plan, contents, run

from cerebros.errors import StoreError
from cerebros.search import MemoryStore, SqlStore, Trial
from cerebros.search.stores import DATABASE, SCHEMA_VERSION, write_file
from cerebros.training import Status

OBJECTIVE = CONTEXT.objective
DEFINITION = {"seed": 0}


def open_in(folder, **arguments):
    return SqlStore.in_folder(folder, OBJECTIVE, **{"keep": 2, **arguments})


def some_weights(size=4):
    return {"unit_1_dense/kernel": np.arange(size, dtype=np.float32)}


def a_trial(number, score=1.0, status=Status.FINISHED):
    return Trial(number, a_plan(), status, score)


@pytest.fixture
def folder(tmp_path):
    """A search of three trials, of which two keep their weights."""
    store = open_in(tmp_path / "search")
    with store.begin(DEFINITION):
        for number in range(3):
            store.append(a_trial(number, float(number)), some_weights())
    return tmp_path / "search"


def statement(folder, text, *values):
    """Change the database behind the store's back."""
    connection = sqlite3.connect(folder / DATABASE)
    with connection:
        rows = connection.execute(text, values).fetchall()
    connection.close()
    return rows


def weight_files(folder):
    return sorted(path.name for path in (folder / "weights").iterdir())


# --- The database -------------------------------------------------------------------


def test_a_folder_of_a_search_can_be_read_by_a_person(folder):
    names = {path.name for path in folder.iterdir()} - {".lock_search"}
    assert names == {"search.sqlite", "weights"}
    assert weight_files(folder) == [
        "trial_00000.safetensors",
        "trial_00001.safetensors",
    ]
    (row,) = statement(folder, "select schema_version from cerebros_searches")
    assert row == (SCHEMA_VERSION,)


def test_readers_do_not_wait_for_the_writer(folder):
    assert statement(folder, "pragma journal_mode") == [("wal",)]
    writer = sqlite3.connect(folder / DATABASE, isolation_level=None)
    writer.execute("begin immediate")
    writer.execute("delete from cerebros_trials")
    try:
        assert len(open_in(folder).trials()) == 3
    finally:
        writer.execute("rollback")
        writer.close()


def test_a_commit_survives_a_power_cut(folder):
    # 2 is FULL: SQLite waits for the disk. It is a setting of each connection.
    store = open_in(folder)
    with store._transaction() as connection:
        assert connection.exec_driver_sql("pragma synchronous").scalar() == 2


def test_nothing_stays_open_between_trials(folder):
    def open_files():
        links = Path("/proc/self/fd").iterdir()
        targets = [os.readlink(link) for link in links if link.exists()]
        return [t for t in targets if t.startswith(str(folder))]

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs Linux, which lists the open files of a process")
    store = open_in(folder)
    with store.begin(DEFINITION):
        store.trials()
        assert open_files() == [str(folder / ".lock_search")]
    assert open_files() == []


def test_a_store_of_a_newer_release_is_refused(folder):
    statement(folder, "update cerebros_searches set schema_version = 99")
    store = open_in(folder)
    for call in (store.definition, store.begin(DEFINITION).__enter__):
        with pytest.raises(StoreError) as caught:
            call()
        assert str(caught.value) == (
            f"the store {folder / DATABASE} was written by a newer release (schema "
            f"version 99, this one knows {SCHEMA_VERSION}); upgrade cerebros to open it"
        )


def test_a_newer_release_is_recognized_even_if_its_tables_differ(folder):
    statement(folder, "update cerebros_searches set schema_version = 2")
    statement(folder, "alter table cerebros_searches rename column definition to spec")
    with pytest.raises(StoreError, match="newer release"):
        open_in(folder).definition()


@pytest.mark.parametrize(
    "content",
    [b"this is no database, but a letter" * 99, b"SQLite format 3\0" + b"x" * 999],
)
def test_a_damaged_database_is_an_error_with_a_way_out(folder, content):
    (folder / DATABASE).write_bytes(content)
    store = open_in(folder)
    for call in (store.trials, store.definition, store.begin(DEFINITION).__enter__):
        with pytest.raises(StoreError, match=r"damaged \(.*restore it from a copy"):
            call()
    assert (folder / DATABASE).read_bytes() == content


def test_however_a_database_is_damaged_the_error_is_a_store_error(folder):
    sound = (folder / DATABASE).read_bytes()
    rng = np.random.default_rng(0)
    n_errors = 0
    for _ in range(60):
        bytes_ = bytearray(sound)
        for position in rng.integers(0, len(sound), 20 if rng.random() < 0.5 else 2000):
            bytes_[position] = rng.integers(256)
        (folder / DATABASE).write_bytes(bytes_)
        store = open_in(folder)
        for call in (store.definition, store.trials, lambda s=store: s.weights(0)):
            try:
                call()
            except StoreError:
                n_errors += 1
    assert n_errors > 60


@pytest.mark.parametrize("n_bytes", [0, 100, 5000])
def test_a_truncated_database_is_an_error(folder, n_bytes):
    content = (folder / DATABASE).read_bytes()
    (folder / DATABASE).write_bytes(content[:n_bytes])
    with pytest.raises(StoreError):
        open_in(folder).trials()
    with pytest.raises(StoreError):
        open_in(folder).definition()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("plan", "{"), ("plan", "{}"), ("plan", ""), ("history", "[1, 2"),
        ("history", "[1, 2]"), ("repairs", "3"), ("status", "WONDERFUL"),
    ],
)  # fmt: skip
def test_a_damaged_row_is_named(folder, column, value):
    statement(
        folder, f"update cerebros_trials set {column} = ? where number = 1", value
    )
    with pytest.raises(StoreError, match="is damaged: trial 1 cannot be read"):
        open_in(folder).trials()


def test_a_damaged_definition_is_named(folder):
    statement(folder, "update cerebros_searches set definition = '{'")
    with pytest.raises(StoreError, match="is damaged: the definition of the search"):
        open_in(folder).definition()


def test_another_database_is_not_mistaken_for_a_search(tmp_path):
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("create table customers (name text)")
    connection.close()
    with pytest.raises(StoreError, match=r"is not a search .*no such table"):
        open_in(tmp_path).trials()
    with pytest.raises(StoreError, match="holds no search"):
        open_in(tmp_path).definition()


def test_reading_where_there_is_no_search_makes_no_file(tmp_path):
    store = open_in(tmp_path / "nowhere")
    for call in (store.trials, store.definition, lambda: store.weights(0)):
        with pytest.raises(StoreError, match=r"nowhere.* holds no search"):
            call()
    assert list(tmp_path.iterdir()) == []


# --- Files of weights ---------------------------------------------------------------


def test_a_missing_file_of_weights_is_an_error(folder):
    (folder / "weights" / "trial_00001.safetensors").unlink()
    with pytest.raises(StoreError, match=r"trial_00001\.safetensors is missing"):
        open_in(folder).weights(1)


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"garbage" * 50])
def test_a_damaged_file_of_weights_is_an_error_with_a_way_out(folder, content):
    path = folder / "weights" / "trial_00001.safetensors"
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        open_in(folder).weights(1)
    message = str(caught.value)
    assert message.startswith(f"the file {path} is damaged (")
    assert message.endswith(
        "its trial can be trained again by searching in a new folder"
    )


def test_a_truncated_file_of_weights_is_an_error(folder):
    path = folder / "weights" / "trial_00001.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StoreError, match="is damaged"):
        open_in(folder).weights(1)


def test_what_a_dead_process_left_is_removed_at_the_next_begin(folder):
    weights = folder / "weights"
    for name in ("trial_00002.safetensors", "trial_00007.safetensors.part"):
        (weights / name).write_bytes(b"left behind")
    with open_in(folder).begin(DEFINITION):
        assert weight_files(folder) == [
            "trial_00000.safetensors",
            "trial_00001.safetensors",
        ]


def test_files_that_are_not_the_store_s_are_left_alone(folder):
    notes, other = folder / "weights" / "notes.txt", folder / "weights" / "other"
    notes.write_text("mine")
    other.mkdir()
    store = open_in(folder)
    with store.begin(DEFINITION):
        store.append(a_trial(3, 0.5), some_weights())
    assert notes.read_text() == "mine"
    assert other.is_dir()


def test_searches_in_one_folder_keep_their_weights_apart(folder):
    other = open_in(folder, name="other")
    with other.begin({"seed": 1}):
        other.append(a_trial(0, 5.0), some_weights(7))
    with open_in(folder).begin(DEFINITION):
        pass
    assert len(open_in(folder, name="other").weights(0)["unit_1_dense/kernel"]) == 7
    assert len(open_in(folder).weights(0)["unit_1_dense/kernel"]) == 4
    assert [trial.score for trial in other.trials()] == [5.0]


# --- Two processes ------------------------------------------------------------------

HOLDER = """
import sys
from cerebros.search import SqlStore
from cerebros.training import Objective
store = SqlStore.in_folder(sys.argv[1], Objective(sys.argv[2]))
with store.begin({"seed": 0}):
    print("begun", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(folder):
    """Another process that searches in the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder, OBJECTIVE.metric],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def test_a_second_process_may_read_but_not_search(folder, holder):
    store = open_in(folder)
    with pytest.raises(StoreError) as caught:
        store.begin(DEFINITION).__enter__()
    assert str(caught.value) == (
        f"another process is searching in {folder}; wait for it or use another folder"
    )
    assert len(store.trials()) == 3
    assert store.definition() == DEFINITION
    assert store.weights(0)
    with open_in(folder, name="other").begin({"seed": 1}):
        pass  # another search of the same folder is another matter

    holder.kill()
    holder.wait()
    with store.begin(DEFINITION):
        store.append(a_trial(3), None)


def test_the_same_process_cannot_search_twice_at_once_either(folder):
    with (
        open_in(folder).begin(DEFINITION),
        pytest.raises(StoreError, match="another process is searching"),
    ):
        open_in(folder).begin(DEFINITION).__enter__()


def test_another_thread_cannot_search_at_the_same_time_either(folder):
    errors = []

    def search():
        try:
            open_in(folder).begin(DEFINITION).__enter__()
        except StoreError as error:
            errors.append(str(error))

    with open_in(folder).begin(DEFINITION):
        thread = threading.Thread(target=search)
        thread.start()
        thread.join()
    assert len(errors) == 1


# --- Folders and disks that do not take anything ------------------------------------


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "search"
    path.write_text("a file")
    for folder in (path, path / "below"):
        with pytest.raises(
            StoreError, match=r"cannot be written to \(.*choose another"
        ):
            open_in(folder).begin(DEFINITION).__enter__()
    assert path.read_text() == "a file"


def test_a_folder_without_rights_is_refused(tmp_path, monkeypatch):
    def refuse(self, *arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(StoreError, match=r"cannot be written to \(Permission denied\)"):
        open_in(tmp_path).begin(DEFINITION).__enter__()


def test_a_disk_that_is_nearly_full_is_refused_at_once(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=5 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(
        StoreError, match="has 5 MiB left; make room for at least 20 MiB"
    ):
        open_in(tmp_path).begin(DEFINITION).__enter__()


def test_weights_that_do_not_fit_leave_nothing_behind(folder, monkeypatch):
    store, before = open_in(folder), weight_files(folder)

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with store.begin(DEFINITION):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(StoreError) as caught:
                store.append(a_trial(3, 0.5), some_weights())
        assert str(caught.value) == (
            f"{folder / 'weights' / 'trial_00003.safetensors'} cannot be written (No "
            "space left on device); make room or rights and call again: what was "
            "finished is kept"
        )
        assert weight_files(folder) == before
        assert [trial.number for trial in store.trials()] == [0, 1, 2]
        store.append(a_trial(3, 0.5), some_weights())
    assert [trial.number for trial in store.trials()] == [0, 1, 2, 3]


def test_of_several_trials_all_or_none_are_stored(folder, monkeypatch):
    store, before = open_in(folder, keep="all"), weight_files(folder)
    replaced, n_calls = os.fsync, iter(range(99))

    def full_at_the_third(file):
        if next(n_calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        replaced(file)

    several = [(a_trial(number, 0.5), some_weights()) for number in range(3, 8)]
    with store.begin(DEFINITION):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full_at_the_third)
            with pytest.raises(StoreError, match=r"trial_00005.*No space left"):
                store.append_many(several)
        assert weight_files(folder) == before
        assert [trial.number for trial in store.trials()] == [0, 1, 2]
        store.append_many(several)
    assert [trial.number for trial in store.trials()] == list(range(8))
    assert len(weight_files(folder)) == len(before) + 5


def test_weights_that_will_not_be_kept_are_not_written(folder, monkeypatch):
    store = open_in(folder, keep=2)
    written = []
    monkeypatch.setattr(
        store._files,
        "write",
        lambda number, weights: written.append(number) or f"trial_{number:05d}",
    )
    several = [(a_trial(n, -float(n)), some_weights()) for n in range(3, 20)]
    with store.begin(DEFINITION):
        store.append_many(several)
    assert written == [18, 19]


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    write_file(path, "first")
    with monkeypatch.context() as patch:

        def full(*arguments):
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, "replace", full)
        with pytest.raises(StoreError, match="No space left"):
            write_file(path, "second")
    assert path.read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    write_file(path, b"third")
    assert path.read_bytes() == b"third"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own, with 40 MiB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk]
    if os.getuid() or not mount or subprocess.run(command, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run([umount, "--lazy", disk], check=True)


def fill(disk, *, leave):
    n_bytes = shutil.disk_usage(disk).free - leave
    (disk / "filler").write_bytes(b"\0" * n_bytes)


@pytest.mark.parametrize("leave", [0, 40_000, 400_000])
def test_a_full_disk_ends_the_search_and_loses_nothing(small_disk, leave):
    folder = small_disk / "search"
    store = open_in(folder, keep="all")
    with store.begin(DEFINITION):
        for number in range(3):
            store.append(a_trial(number), some_weights(1000))
    before = contents(store)
    with store.begin(DEFINITION):
        fill(small_disk, leave=leave)
        with pytest.raises(StoreError, match="what was finished is kept"):
            store.append(a_trial(3), some_weights(2**20))
        (small_disk / "filler").unlink()
    assert contents(store) == before
    assert len(weight_files(folder)) == 3
    with store.begin(DEFINITION):
        store.append(a_trial(3), some_weights(2**20))
    assert len(store.trials()) == 4


def test_a_search_on_a_full_disk_goes_on_when_there_is_room(small_disk):
    undisturbed = MemoryStore(OBJECTIVE)
    run(undisturbed, 6)

    def fill_then(outcome):
        def made_up(task):
            if task.number == 3:
                fill(small_disk, leave=0)
            return outcome(task)

        return MadeUpExecutor(made_up)

    store = open_in(small_disk / "search", keep=10)
    with pytest.raises(StoreError):
        run(store, 6, executor=fill_then(MadeUpExecutor().outcome))
    (small_disk / "filler").unlink()
    assert [trial.number for trial in store.trials()] == [0, 1, 2]
    run(store, 6)
    assert contents(store) == contents(undisturbed)


# --- Checkpoints --------------------------------------------------------------------


def test_checkpoints_are_beside_the_weights_and_searches_do_not_share_them(folder):
    state = {"state": np.arange(3)}
    open_in(folder).checkpoints().write("a", state)
    open_in(folder, name="other").checkpoints().write("a", state)
    places = [p.relative_to(folder) for p in folder.rglob("a.safetensors")]
    assert sorted(map(str, places)) == [
        "checkpoints/a.safetensors",
        "checkpoints/other/a.safetensors",
    ]
    open_in(folder).checkpoints().keep_only(set())
    assert open_in(folder, name="other").checkpoints().read("a") is not None
    open_in(folder, name="other").checkpoints().keep_only(set())
    assert not (folder / "checkpoints" / "other").exists()


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"garbage" * 50])
def test_a_damaged_checkpoint_is_none_and_is_logged(folder, content, caplog):
    kept = open_in(folder).checkpoints()
    kept.write("a", {"state": np.arange(3)})
    (folder / "checkpoints" / "a.safetensors").write_bytes(content)
    assert kept.read("a") is None
    assert "the checkpoint a is damaged" in caplog.text


def test_a_checkpoint_that_cannot_be_written_is_said_once_and_leaves_the_old_one(
    folder, monkeypatch, caplog
):
    kept = open_in(folder).checkpoints()
    kept.write("a", {"state": np.arange(3)})

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for value in range(3):
            kept.write("a", {"state": np.full(3, value)})
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "No space left on device" in record.message
    np.testing.assert_array_equal(kept.read("a")["state"], np.arange(3))
    assert [p.name for p in (folder / "checkpoints").iterdir()] == ["a.safetensors"]


def test_a_half_written_checkpoint_is_removed_with_the_others(folder):
    kept = open_in(folder).checkpoints()
    kept.write("a", {"state": np.arange(3)})
    (folder / "checkpoints" / "b.safetensors.part").write_bytes(b"half")
    (folder / "checkpoints" / "notes.txt").write_text("mine")
    kept.keep_only(set())
    assert [p.name for p in (folder / "checkpoints").iterdir()] == ["notes.txt"]


# --- Addresses ----------------------------------------------------------------------


@pytest.mark.parametrize("url", ["no address", "wonder://host/name", ""])
def test_what_is_no_address_is_refused(url, tmp_path):
    with pytest.raises(StoreError, match="is no address of a database"):
        SqlStore(url, str(tmp_path), OBJECTIVE)


def test_a_missing_driver_is_named_with_the_way_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for url in ("postgresql://host/name", "postgres://host/name"):
        with pytest.raises(ImportError) as caught:
            SqlStore(url, str(tmp_path), OBJECTIVE)
        assert str(caught.value) == (
            "this database needs the package psycopg; install it with "
            "`pip install 'cerebros[postgresql]'`"
        )


def test_a_server_that_does_not_answer_is_an_error(tmp_path):
    pytest.importorskip("psycopg")
    url = "postgresql://user:secret@127.0.0.1:1/name"
    store = SqlStore(url, str(tmp_path), OBJECTIVE)
    with pytest.raises(StoreError, match="the store name cannot be used") as caught:
        store.trials()
    assert "secret" not in str(caught.value)
