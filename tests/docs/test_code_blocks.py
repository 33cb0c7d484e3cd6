"""Whatever the documentation shows is run: pages, docstrings, miniature."""

import doctest
import importlib
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
# `__main__` runs the command line when it is imported.
MODULES = sorted(set(SOURCE.rglob("*.py")) - set(SOURCE.rglob("__main__.py")))

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^ *```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and the line at which its text starts."""

    language: str
    text: str
    line: int


def blocks_of(page: str) -> list[Block]:
    return [
        Block(
            match["language"],
            re.sub(rf"^{match['indent']}", "", match["text"], flags=re.M),
            page.count("\n", 0, match.start("text")) + 1,
        )
        for match in FENCE.finditer(page)
    ]


def commands_of(block: Block) -> list[list[str]]:
    """The commands of a shell block, each in words; in a console only those after $."""
    text = block.text.replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    words = [shlex.split(line, comments=True) for line in lines]
    return [command for command in words if command]


def run(arguments: list[str], folder: Path) -> str:
    """Run Python in a folder, and return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
        check=False,
    )
    told = f"{shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    return done.stdout


def run_command(command: list[str], folder: Path) -> None:
    """Run a line that calls `cerebros`; of the others check that they would work."""
    operators = {"|", "||", "&&", "&", ";", ">", ">>", "<"} & set(command)
    assert not operators, f"{command} needs a shell; write plain commands"
    program, *arguments = command
    if program == "cerebros":
        run(["-m", "cerebros", *arguments], folder)
    elif program == "make":
        assert set(arguments) <= make_targets(), command
    elif program == "pip":
        assert extras_in(command) <= extras_offered(), command
    elif program == "python" and arguments[0].endswith(".py"):
        assert (ROOT / arguments[0]).is_file(), command  # run by another test here
    else:
        assert program in {"cd", "git", "source"} or arguments[:2] == ["-m", "venv"], (
            f"no test knows whether {command} works"
        )


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w-]*):", makefile, re.M))


def extras_in(command: list[str]) -> set[str]:
    listed = re.findall(r"\[([\w, -]+)\]", " ".join(command))
    return {extra.strip() for extras in listed for extra in extras.split(",")}


def extras_offered() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return set(project["project"]["optional-dependencies"])


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_does_what_it_says(page, tmp_path, monkeypatch):
    """Its blocks run one after another, in one namespace and one new folder."""
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if block.language == "python":
            padded = "\n" * (block.line - 1) + block.text  # tracebacks name the line
            exec(compile(padded, page, "exec"), namespace)
        elif block.language in {"bash", "console"}:
            for command in commands_of(block):
                run_command(command, tmp_path)
        else:
            assert block.language not in {"py", "python3", "pycon", "sh", "shell"}, (
                f"line {block.line}: write `python`, `bash` or `console`, which are run"
            )


def test_blocks_are_found_with_their_lines():
    page = (
        "# Title\n\n```python\nx = 1\n\ny = 2\n```\n"
        "- item\n\n  ```bash\n  cerebros a \\\n    b  # why\n  make c\n  ```\n"
        "```console\n$ cerebros 'd e'\nprinted\n```\n```\nplain\n```\n"
    )
    blocks = blocks_of(page)
    assert [(block.language, block.line) for block in blocks] == [
        ("python", 4),
        ("bash", 11),
        ("console", 16),
        ("", 20),
    ]
    assert blocks[0].text == "x = 1\n\ny = 2\n"
    assert commands_of(blocks[1]) == [["cerebros", "a", "b"], ["make", "c"]]
    assert commands_of(blocks[2]) == [["cerebros", "d e"]]


@pytest.mark.parametrize(
    "command",
    ["make nonsense", "pip install 'cerebros[nonsense]'", "cerebros a | tail", "rm x"],
)
def test_a_command_that_would_not_work_is_found(command, tmp_path):
    with pytest.raises(AssertionError):
        run_command(shlex.split(command), tmp_path)


@pytest.mark.parametrize(
    "command",
    [
        "make test",
        "pip install 'cerebros[test,lint]'",
        "pip install -e .",
        "git clone x",
    ],
)
def test_a_command_that_would_work_is_let_through(command, tmp_path):
    run_command(shlex.split(command), tmp_path)


WITH_EXAMPLES = [m for m in MODULES if ">>> " in m.read_text(encoding="utf-8")]


@pytest.mark.parametrize("module", WITH_EXAMPLES, ids=name_of)
def test_the_examples_of_a_module_hold(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = ".".join(module.relative_to(SOURCE).with_suffix("").parts)
    loaded = importlib.import_module(name.removesuffix(".__init__"))
    shown = re.findall(r"^ *>>> ", module.read_text(encoding="utf-8"), re.M)
    failed, tried = doctest.testmod(loaded, optionflags=doctest.ELLIPSIS)
    assert failed == 0
    assert tried == len(shown), "doctest does not see every example"


MINIATURE = ROOT / "docs" / "miniature.py"


def test_the_miniature_is_short():
    assert len(MINIATURE.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_miniature_finds_a_network_that_has_learned(capsys):
    runpy.run_path(str(MINIATURE), run_name="__main__")
    printed = capsys.readouterr().out
    numbers = dict(re.findall(r"RMSE (.*?) +([\d.]+)$", printed, re.M))
    assert set(numbers) == {"it was chosen by", "on unseen rows", "of the mean"}
    assert float(numbers["on unseen rows"]) < 0.9 * float(numbers["of the mean"])


def test_the_miniature_holds_no_part_of_the_package():
    assert "import cerebros" not in MINIATURE.read_text(encoding="utf-8")
    assert "from cerebros" not in MINIATURE.read_text(encoding="utf-8")
