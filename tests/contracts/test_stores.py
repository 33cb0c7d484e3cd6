"""The contract of stores, for every store that there is."""

import itertools
import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cerebros.search import MemoryStore, SqlStore
from cerebros.testing import StoreContract


class TestMemoryStore(StoreContract):
    @contextmanager
    def place(self):
        opened = []

        def open_store(objective, keep):
            opened.append(opened[0] if opened else MemoryStore(objective, keep=keep))
            return opened[0]

        yield open_store


class TestSqliteInAFolder(StoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "what? 100 % # ü"
            yield lambda objective, keep: SqlStore.in_folder(path, objective, keep=keep)


class TestSearchBesideOthersInAFolder(StoreContract):
    """Several searches in one database do not see each other."""

    folder = None
    names = itertools.count()

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def shared_folder(cls, tmp_path_factory):
        cls.folder = tmp_path_factory.mktemp("searches")

    @contextmanager
    def place(self):
        name = f"search_{next(self.names)}"
        yield lambda objective, keep: SqlStore.in_folder(
            self.folder, objective, keep=keep, name=name
        )


class TestWeightsElsewhere(StoreContract):
    """Weights on a file system that is not this machine's."""

    names = itertools.count()

    @contextmanager
    def place(self):
        weights = f"memory://weights_{next(self.names)}"
        with TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/trials.sqlite"
            yield lambda objective, keep: SqlStore(url, weights, objective, keep=keep)


class TestPostgresql(StoreContract):
    url = None
    names = itertools.count()

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def server(cls, tmp_path_factory):
        if find_spec("psycopg") is None:
            pytest.skip("needs the extra `postgresql`: pip install psycopg[binary]")
        if postgresql_programs() is None:
            pytest.skip("needs PostgreSQL: apt-get install postgresql")
        with postgresql_server() as cls.url:
            yield

    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            name = f"search {next(self.names)}"
            yield lambda objective, keep: SqlStore(
                self.url, folder, objective, keep=keep, name=name
            )


@cache
def postgresql_programs():
    """The folder of initdb and pg_ctl, or None."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "pg_ctl").exists()), None)


@contextmanager
def postgresql_server():
    """A server of one's own on a free port, in a folder that is removed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory(prefix="postgresql-") as folder:
        # The programs refuse to run as root.
        user = "postgres" if os.getuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"

        def run(program, *arguments):
            done = subprocess.run(
                [postgresql_programs() / program, "-D", data, *arguments],
                user=user,
                cwd=folder,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            assert done.returncode == 0, done.stdout

        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
        run("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", options)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
