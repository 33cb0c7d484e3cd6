"""A job file, read and checked; all problems are listed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cerebros.errors import JobError
from cerebros.jobs._keys import SECTIONS, SPACES, Section
from cerebros.search import FineTuning
from cerebros.spaces import RandomResidualMLP, RandomWiring
from cerebros.training import Objective, TrainingSettings, check_share

_SEARCH_DEFAULTS: Mapping[str, Any] = {
    "n_architectures": 20,
    "n_wirings": 1,
    "seed": 0,
    "keep": 10,
}
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
}
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as its file says it, checked.

    Attributes:
        text: of the file.
        base: folder that paths in it are seen from.
        data: of the section `data`.
        inputs: of each section `inputs`; empty for a single one of all columns.
        space: where networks come from.
        training: how they are trained.
        search: of the section `search`.
        objective: what ranks; None for the usual one.
        fine_tuning: how the best are trained on; None for not at all.
        output: of the section `output`.
    """

    text: str
    base: Path
    data: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...]
    space: RandomWiring | RandomResidualMLP
    training: TrainingSettings
    search: Mapping[str, Any]
    objective: Objective | None
    fine_tuning: FineTuning | None
    output: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.base / str(self.output["folder"])


def read_job_file(path: str | Path) -> Job:
    """Read a job from a file.

    Raises:
        JobError: if it cannot be read, or something in it is wrong; with where, which
            rule, which value, and the way out. All problems are listed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise JobError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise JobError(
            f"the job file {path} cannot be read ({error.strerror or error}); "
            "`cerebros run --template > job.toml` writes one to begin with"
        ) from error
    return parse_job(text, base=path.resolve().parent, name=str(path))


def parse_job(text: str, *, base: Path, name: str = "the job") -> Job:
    """A job from the text of its file.

    Args:
        text: TOML.
        base: folder that paths in it are seen from.
        name: how messages call the file.

    Raises:
        JobError: see `read_job_file`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"{name} is not TOML: {error}") from error
    if problems := [*_problems(content)]:
        listed = "\n- ".join(problems)
        raise JobError(
            f"{name} is no job that can be run:\n- {listed}\n"
            "`cerebros run --template` shows every key"
        )
    try:
        return _job(content, text, base)
    except (ValueError, TypeError) as error:
        raise JobError(f"{name} is no job that can be run: {error}") from error


def _job(content: dict[str, Any], text: str, base: Path) -> Job:
    space = dict(content.get("space", {}))
    kind = space.pop("kind", "random_wiring")
    training = _tuples(content.get("training", {}))
    search = dict(_SEARCH_DEFAULTS) | content.get("search", {})
    metric = search.pop("metric", None)
    data = {"validation": 0.2, "test": 0.2} | content["data"]
    check_share("data.validation", data["validation"])
    tuning = content.get("fine_tuning")
    with _section("space"):
        made_space = SPACES[kind](**_tuples(space))
    with _section("training"):
        made_training = TrainingSettings(**training)
    with _section("fine_tuning"):
        made_tuning = None if tuning is None else FineTuning(**_tuples(tuning))
        if made_tuning is not None:
            made_tuning.training(made_training)
    return Job(
        text=text,
        base=base,
        data=data,
        inputs=tuple(content.get("inputs", ())),
        space=made_space,
        training=made_training,
        search=search,
        objective=None if metric is None else Objective(metric),
        fine_tuning=made_tuning,
        output={"export": True} | content["output"],
    )


class _section:  # noqa: N801 (reads as a statement)
    """Names the section in front of what its settings object complains of."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (ValueError, TypeError)):
            raise JobError(f"[{self._name}] {error}") from error


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}


# --- What is wrong -----------------------------------------------------------------


def _problems(content: dict[str, Any]) -> Iterator[str]:
    yield from _unknown("the file", "section", content, [*SECTIONS])
    for name, section in SECTIONS.items():
        if name not in content:
            if section.is_needed:
                yield f"the section [{name}] is missing: {section.about}"
            continue
        tables = content[name]
        if section.is_list != isinstance(tables, list):
            brackets = f"[[{name}]]" if section.is_list else f"[{name}]"
            yield f"{name} must be written as a section: {brackets}"
            continue
        for i, table in enumerate(tables if section.is_list else [tables]):
            where = f"[{name}]" + (f" number {i}" if section.is_list else "")
            if not isinstance(table, dict):
                yield f"{where} must be a section, but is {table!r}"
                continue
            yield from _problems_of_table(where, table, section)
    data = content.get("data")
    if isinstance(data, dict) and ("file" in data) == ("bundled" in data):
        yield "[data] needs either file or bundled, and not both"


def _problems_of_table(
    where: str, table: dict[str, Any], section: Section
) -> Iterator[str]:
    yield from _unknown(where, "key", table, [*section.keys])
    for name, key in section.keys.items():
        if name not in table:
            if key.is_needed:
                yield f"{where} {name} is missing: {key.about}, as {name} = {key.shown}"
            continue
        value = table[name]
        if problem := _problem_of(value, key.schema):
            yield f"{where} {name} = {value!r} {problem}"
        if key.only and section.kind is not None:
            other, default = section.kind
            chosen = table.get(other, default)
            if chosen not in key.only:
                wanted = " or ".join(f"{other} = {kind!r}" for kind in key.only)
                yield (
                    f"{where} {name} goes with {wanted} only, but {other} is {chosen!r}"
                )


def _unknown(
    where: str, noun: str, table: Mapping[str, Any], known: list[str]
) -> Iterator[str]:
    for name in table:
        if name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.5)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            yield (
                f"{where} has an unknown {noun} {name!r}{guess} "
                f"(known: {', '.join(known)})"
            )


def _problem_of(value: Any, schema: Mapping[str, Any]) -> str | None:
    """What a value does wrong, or None."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(_is_of(value, kind) for kind in kinds):
        return f"must be {' or '.join(_WORDS[kind] for kind in kinds)}"
    if "enum" in schema and value not in schema["enum"]:
        close = get_close_matches(str(value), schema["enum"], n=1, cutoff=0.5)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        return f"must be one of {', '.join(schema['enum'])}{guess}"
    if isinstance(value, list):
        n = len(value)
        if n < schema.get("minItems", 0) or n > schema.get("maxItems", n):
            return f"must hold {schema['minItems']} entries, but holds {n}"
        for item in value:
            if problem := _problem_of(item, schema["items"]):
                return f"holds {item!r}, which {problem}"
    return None


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])
