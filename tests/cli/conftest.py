"""Tables, the command, finished searches that tests may copy, and models."""

import os
import shutil
from typing import NamedTuple

import pytest
from homes import FAST, homes
from houses import SETTINGS, small_table

from cerebros.cli import main


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys):
    """Run a command in this process."""

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def table(tmp_path):
    """The small table as a CSV file."""
    path = tmp_path / "houses.csv"
    small_table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """A folder with the small table and two finished searches, not to be changed."""
    root = tmp_path_factory.mktemp("searched")
    table = root / "houses.csv"
    small_table().to_csv(table, index=False)
    for target in ("price", "kind"):
        command = ["search", str(table), "--target", target, "--quiet", "--leave-out"]
        other = {"price": "kind", "kind": "price"}[target]
        code = main([*command, other, "--out", str(root / target), *SETTINGS])
        assert code == 0
    return root


@pytest.fixture(scope="session")
def fitted(tmp_path_factory):
    """A folder with homes.csv, and models of its price and kind; not to be changed."""
    root = tmp_path_factory.mktemp("fitted")
    homes().to_csv(root / "homes.csv", index=False)
    for target, other in (("price", "kind"), ("kind", "price")):
        command = ["fit", str(root / "homes.csv"), "--target", target, "--drop", other]
        out = str(root / f"{target}.cerebros")
        assert main([*command, *FAST, "--quiet", "--out", out]) == 0
    return root


@pytest.fixture
def copied(searched, tmp_path):
    """The finished searches, to be changed at will."""
    copied = shutil.copytree(searched, tmp_path / "copied")
    for job in copied.glob("*/job.json"):  # as if they had been begun here
        text = job.read_text("utf-8").replace(str(searched), str(copied))
        job.write_text(text, "utf-8")
    return copied


@pytest.fixture
def environment():
    """What a process that a test starts should see; its output is UTF-8."""
    return os.environ | {"PYTHONIOENCODING": "utf-8"}
