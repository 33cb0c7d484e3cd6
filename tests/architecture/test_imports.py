"""Imports point one way, and what is heavy is loaded only when it is used."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

# A folder imports only from the folders before it.
FOLDERS = (
    "plan",
    "spaces",
    "lowering",
    "report",
    "stems",
    "training",
    "search",
    "estimators",
    "jobs",
    "compat",
    "cli",
)
MAY_IMPORT = {
    **{folder: set(FOLDERS[:i]) for i, folder in enumerate(FOLDERS)},
    "report": {"plan"},  # draws plans and stored records, and computes nothing
    "errors": set(),
    "programs": set(),
    "caches": set(),
    "testing": set(FOLDERS),
    "__main__": {"cli"},
    "__init__": set(FOLDERS),  # when asked; what it loads at once is tested below
    # The import paths of the original packages.
    "simplecerebrosrandomsearch": {"compat"},
    "units": {"compat"},
    "denseautomlstructuralcomponent": {"compat"},
    "neuralnetworkfuture": {"compat"},
    "residualmlp": {"compat"},
}
EVERYWHERE = {"errors", "caches", "programs", "__version__"}
HEAVY = {
    "jax",
    "keras",
    "pandas",
    "ray",
    "rich",
    "sklearn",
    "sqlalchemy",
    "tensorflow",
    "torch",
}


@dataclass(frozen=True)
class Import:
    """One imported name, such as `cerebros.plan.Dense`."""

    file: Path
    line: int
    name: str

    @property
    def top(self) -> str:
        return self.name.split(".")[0]

    @property
    def importer(self) -> str:
        """The folder of `src/cerebros`, or the package beside it, or the file."""
        package, *rest = self.file.relative_to(SOURCE).with_suffix("").parts
        return rest[0] if package == "cerebros" else package

    @property
    def imported(self) -> str:
        """The folder or file of `src/cerebros` that is imported from."""
        return (*self.name.split("."), "")[1]

    def __str__(self) -> str:
        return f"{self.file.relative_to(SOURCE)}:{self.line} imports {self.name}"


@cache
def all_imports() -> tuple[Import, ...]:
    """Every import of the source, those in functions and for type checkers too."""
    return tuple(
        Import(file, node.lineno, name)
        for file in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in names_imported(node, file)
    )


def names_imported(node: ast.AST, file: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            package = file.relative_to(SOURCE).parts[: -node.level]
            module = ".".join([*package, module]).rstrip(".")
        yield from (f"{module}.{alias.name}" for alias in node.names)


def inside() -> Iterator[Import]:
    """Imports of this project's own code from another folder of it."""
    for item in all_imports():
        other_folder = item.imported != item.importer
        if item.top == "cerebros" and other_folder:
            yield item


def imports_of(folder: str) -> Iterator[Import]:
    return (item for item in all_imports() if item.importer == folder)


def listed(violations) -> str:
    return "\n".join(str(item) for item in violations)


def test_the_walk_finds_imports():
    found = {item.importer for item in all_imports()}
    assert {"plan", "spaces", "testing"} <= found


@pytest.mark.parametrize(
    ("statement", "file", "names"),
    [
        ("import keras.layers as l, jax", "plan/_a.py", ["keras.layers", "jax"]),
        ("from cerebros.plan import A", "cli/_a.py", ["cerebros.plan.A"]),
        ("from . import a", "plan/__init__.py", ["cerebros.plan.a"]),
        (
            "from ._b import C, D",
            "plan/_a.py",
            ["cerebros.plan._b.C", "cerebros.plan._b.D"],
        ),
        ("from ..cli import main", "plan/_a.py", ["cerebros.cli.main"]),
    ],
)
def test_the_walk_reads_every_way_to_import(statement, file, names):
    (node,) = ast.parse(statement).body
    assert [*names_imported(node, SOURCE / "cerebros" / file)] == names


def test_every_folder_has_its_place():
    unknown = {item.importer for item in all_imports()} - set(MAY_IMPORT)
    assert not unknown, f"give {sorted(unknown)} a place in the order of folders"


def test_imports_point_one_way():
    assert not listed(
        item
        for item in inside()
        if item.imported not in MAY_IMPORT[item.importer] | EVERYWHERE
    )


def test_a_folder_is_entered_by_its_front_door():
    """Files are private to their folder; what it offers is in its `__init__`."""
    assert not listed(item for item in inside() if "._" in item.name.split(".__")[0])


def test_nothing_but_tests_reads_testing():
    assert not listed(item for item in inside() if item.imported == "testing")


def third_party(folder: str) -> Iterator[Import]:
    known = {*sys.stdlib_module_names, "cerebros"}
    return (item for item in imports_of(folder) if item.top not in known)


@pytest.mark.parametrize(
    ("folder", "packages"),
    [
        ("plan", set()),
        ("errors", set()),
        ("__init__", set()),
        ("report", set()),
        ("spaces", {"numpy"}),
        ("lowering", {"numpy", "keras", "jax"}),
    ],
)
def test_the_core_needs_little(folder, packages):
    assert not listed(item for item in third_party(folder) if item.top not in packages)


def test_lowering_keeps_keras_and_jax_in_their_own_files():
    def may_load(item):
        place = str(item.file.relative_to(SOURCE))
        own = ("keras", "population", "levels/_program", "jax")
        return any(word in place for word in own)

    assert not listed(
        item
        for item in imports_of("lowering")
        if item.top in {"keras", "jax"} and not may_load(item)
    )


def loaded_by(*arguments: str) -> set[str]:
    """The top names of all modules that a fresh interpreter loads."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (
        line for line in done.stderr.splitlines() if line.startswith("import time:")
    )
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_importing_the_package_loads_nothing_heavy():
    loaded = loaded_by("-c", "import cerebros")
    assert "cerebros" in loaded
    assert not loaded & (HEAVY | {"numpy"})


def test_the_help_of_the_command_line_loads_nothing_heavy():
    loaded = loaded_by("-m", "cerebros", "--help")
    assert "cerebros" in loaded
    assert not loaded & HEAVY


def printed_by(program: str, **environment: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_keras_runs_on_jax_unless_told_otherwise():
    program = "import cerebros, os; print(os.environ['KERAS_BACKEND'])"
    assert printed_by(program) == "jax"
    assert printed_by(program, KERAS_BACKEND="torch") == "torch"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "--xla_gpu_deterministic_ops=true"),
        ("--a=1", "--a=1 --xla_gpu_deterministic_ops=true"),
        ("--xla_gpu_deterministic_ops=false", "--xla_gpu_deterministic_ops=false"),
    ],
)
def test_a_gpu_computes_the_same_every_time_unless_told_otherwise(given, expected):
    program = "import cerebros, os; print(os.environ['XLA_FLAGS'])"
    assert printed_by(program, XLA_FLAGS=given) == expected


@pytest.mark.tensorflow
def test_keras_runs_on_tensorflow_when_told():
    program = "import cerebros, keras; print(keras.backend.backend())"
    assert printed_by(program, KERAS_BACKEND="tensorflow") == "tensorflow"
