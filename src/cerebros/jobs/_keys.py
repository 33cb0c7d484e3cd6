"""What may stand in a job file: one list, from which all else follows.

The check of a file, its JSON schema and the template are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from cerebros.spaces import RandomResidualMLP, RandomWiring
from cerebros.training import SCHEDULES

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_FLAG: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_RANGE: Schema = {"type": "array", "items": _WHOLE, "minItems": 2, "maxItems": 2}
_RATES: Schema = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}


def _one_of(*choices: str) -> Schema:
    return {"type": "string", "enum": list(choices)}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a section.

    Attributes:
        schema: of its value.
        about: what it means.
        shown: how the template shows it, in TOML; with a leading `#` as a comment.
        is_needed: whether a file without it is refused.
        only: where another key has one of these values, as `("kind", "residual_mlp")`.
    """

    schema: Schema
    about: str
    shown: str
    is_needed: bool = False
    only: tuple[str, ...] = ()


BUNDLED = ("digits", "iris", "wine", "breast_cancer", "diabetes")
STEMS = ("none", "keras", "application", "tfidf", "one_hot", "standardize")

DATA = {
    "file": Key(
        _TEXT,
        "a table (.csv, .tsv, .parquet) or arrays (.npz); seen from this file",
        '# file = "table.csv"',
    ),
    "bundled": Key(
        _one_of(*BUNDLED), "instead of a file: a data set of scikit-learn", '"digits"'
    ),
    "target": Key(
        _TEXT, "name of the column or array that is predicted", '"digit"', True
    ),
    "task": Key(
        _one_of("classification", "regression"),
        "what is asked for",
        '"classification"',
        True,
    ),
    "validation": Key(_NUMBER, "share of rows that choose", "0.2"),
    "test": Key(_NUMBER, "share of rows that judge, and do nothing else", "0.2"),
}
INPUTS = {
    "columns": Key(
        _TEXTS, "of a table; left out: all but the target", '# columns = ["a", "b"]'
    ),
    "array": Key(_TEXT, "of an .npz file", '"images"'),
    "stem": Key(_one_of(*STEMS), "what the rows go through first", '"none"'),
    "file": Key(_TEXT, "a .keras file", '# file = "base.keras"', only=("keras",)),
    "application": Key(
        _TEXT,
        "a name of keras.applications",
        '# application = "EfficientNetV2B0"',
        only=("application",),
    ),
    "weights": Key(
        _TEXT,
        '"imagenet", "random", or a file',
        '# weights = "imagenet"',
        only=("application",),
    ),
    "image_size": Key(
        _RANGE,
        "height and width that images are resized to",
        "# image_size = [224, 224]",
        only=("application",),
    ),
    "cut": Key(
        {"type": ["string", "integer"]},
        "layer whose output is taken: its name or number",
        "# cut = -3",
        only=("keras", "application"),
    ),
    "pooling": Key(
        _one_of("flatten", "average", "max"),
        "what is done with places",
        '# pooling = "average"',
        only=("keras", "application"),
    ),
    "components": Key(
        _WHOLE, "features of a text", "# components = 100", only=("tfidf",)
    ),
    "ngrams": Key(
        _RANGE, "words in a row, from and to", "# ngrams = [1, 2]", only=("tfidf",)
    ),
}
_WIRING = {
    "levels": Key(_RANGE, "levels of units, the outputs' included", "[2, 4]"),
    "units": Key(_RANGE, "units on a hidden level", "[1, 3]"),
    "neurons": Key(_RANGE, "neurons of a unit", "[8, 32]"),
    "activation": Key(_TEXT, "of hidden units", '"elu"'),
    "copies": Key(_one_of("drawn", "distinct"), "see docs/wiring.md", '"distinct"'),
    "scale_shift": Key(_FLAG, "of normalizations", "true"),
    "dropout": Key(_NUMBER, "share of what a unit reads", "0.0"),
}
_RESIDUAL = {
    "blocks": Key(_RANGE, "how many blocks", "[1, 3]"),
    "depth": Key(_RANGE, "dense layers of a block", "[1, 5]"),
    "width": Key(_RANGE, "neurons of a block's first layer", "[8, 96]"),
    "taper": Key(_RANGE, "neurons that each next layer has less", "[0, 8]"),
    "bypass_layers": Key(_RANGE, "dense layers of a bypass", "[0, 1]"),
    "bypass_width": Key(_RANGE, "neurons of each", "[4, 32]"),
    "between_layers": Key(_RANGE, "dense layers between blocks", "[0, 1]"),
    "between_width": Key(_RANGE, "neurons of each", "[8, 64]"),
    "final_layers": Key(_RANGE, "dense layers behind the last block", "[0, 2]"),
    "final_width": Key(_RANGE, "neurons of each", "[8, 64]"),
    "bypass_dropout": Key(_RATES, "rates, from and to", "[0.1, 0.5]"),
    "final_dropout": Key(_RATES, "rates, from and to", "[0.0, 0.4]"),
    "activations": Key(_TEXTS, "one of these for a network", '["relu", "elu"]'),
}


def _only(keys: dict[str, Key], kind: str) -> dict[str, Key]:
    return {
        name: Key(
            key.schema,
            key.about,
            key.shown if kind == "random_wiring" else f"# {name} = {key.shown}",
            only=(kind,),
        )
        for name, key in keys.items()
    }


SPACE = {
    "kind": Key(
        _one_of("random_wiring", "residual_mlp"), "of networks", '"random_wiring"'
    ),
    **_only(_WIRING, "random_wiring"),
    **_only(_RESIDUAL, "residual_mlp"),
}
SPACES = {"random_wiring": RandomWiring, "residual_mlp": RandomResidualMLP}
TRAINING = {
    "epochs": Key(_WHOLE, "at most", "20"),
    "batch_size": Key(_WHOLE, "rows of a step; left out: decided", "# batch_size = 64"),
    "optimizer": Key(_TEXT, "a name that Keras knows", '"adam"'),
    "learning_rate": Key(_NUMBER, "of the optimizer", "0.005"),
    "schedule": Key(_one_of(*SCHEDULES), "of the learning rate", '"constant"'),
    "weight_decay": Key(_NUMBER, "of each parameter", "# weight_decay = 0.0001"),
    "patience": Key(_WHOLE, "epochs without a better score; left out: never", "5"),
    "loss": Key(_TEXT, "a name that Keras knows", '# loss = "mse"'),
    "metrics": Key(_TEXTS, "names that Keras knows", '# metrics = ["accuracy"]'),
}
SEARCH = {
    "n_architectures": Key(_WHOLE, "draws of sizes", "16"),
    "n_wirings": Key(_WHOLE, "wirings and initial weights of each", "1"),
    "seed": Key(_WHOLE, "of every random draw", "0"),
    "metric": Key(_TEXT, "what ranks, as val_accuracy", '# metric = "val_accuracy"'),
    "time_budget": Key(_NUMBER, "seconds", "# time_budget = 600"),
    "executor": Key(_one_of("population", "keras"), "what trains", '"population"'),
    "keep": Key(
        {"type": ["integer", "string"]},
        'how many keep their weights, or "all"',
        "10",
    ),
}
FINE_TUNING = {
    "layers": Key(
        {"type": ["string", "integer", "array"], "items": _TEXT},
        '"all", "last_convolution", the last n, or names',
        '# layers = "last_convolution"',
    ),
    "input": Key(_WHOLE, "whose stem, if there are several", "# input = 0"),
    "n_heads": Key(_WHOLE, "of the best heads", "# n_heads = 3"),
    "epochs": Key(_WHOLE, "at most", "# epochs = 10"),
    "patience": Key(_WHOLE, "epochs without a better score", "# patience = 3"),
    "learning_rate": Key(_NUMBER, "of the heads", "# learning_rate = 0.0001"),
    "stem_learning_rate": Key(
        _NUMBER, "of the stem's layers", "# stem_learning_rate = 0.00001"
    ),
    "batch_size": Key(_WHOLE, "rows of a step", "# batch_size = 64"),
}
OUTPUT = {
    "folder": Key(_TEXT, "of the run; seen from this file", '"run"', True),
    "export": Key(_FLAG, "whether the best model is written", "true"),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a job file.

    Attributes:
        keys: what may stand in it.
        about: what it is for.
        is_needed: whether a file without it is refused.
        is_list: whether it may stand there several times, as `[[name]]`.
        shown: whether the template has it, or only as a comment.
        kind: the key on whose value it depends which others may stand there, and its
            value where it is left out.
    """

    keys: dict[str, Key]
    about: str
    is_needed: bool = False
    is_list: bool = False
    shown: bool = True
    kind: tuple[str, str] | None = None


SECTIONS = {
    "data": Section(DATA, "What is learned from.", is_needed=True),
    "inputs": Section(
        INPUTS,
        "One for each input of the networks; left out: all columns but the target.",
        is_list=True,
        kind=("stem", "none"),
    ),
    "space": Section(
        SPACE, "Where networks come from.", kind=("kind", "random_wiring")
    ),
    "training": Section(TRAINING, "How each of them is trained."),
    "search": Section(SEARCH, "How many, and what ranks them."),
    "fine_tuning": Section(
        FINE_TUNING,
        "Trains on from the best, with layers of a Keras stem thawed; left out: no.",
        shown=False,
    ),
    "output": Section(OUTPUT, "What is written.", is_needed=True),
}


def job_template() -> str:
    """A job file with every key and what it means, which runs as it is."""
    lines = ["# A job for `cerebros run`; a key with a # in front is not in use."]
    for name, section in SECTIONS.items():
        brackets = f"[[{name}]]" if section.is_list else f"[{name}]"
        mark = "" if section.shown else "# "
        lines += ["", f"# {section.about}", f"{mark}{brackets}"]
        for key_name, key in section.keys.items():
            shown = (
                key.shown if key.shown.startswith("#") else f"{key_name} = {key.shown}"
            )
            lines.append(f"{shown:<40} # {key.about}{_limits(key)}".rstrip())
    return "\n".join(lines) + "\n"


def _limits(key: Key) -> str:
    """The choices of a key, and what it goes with."""
    choices = key.schema.get("enum")
    words = f": {', '.join(choices)}" if choices else ""
    return words + (f" (only for {' and '.join(key.only)})" if key.only else "")


def job_schema() -> dict[str, Any]:
    """The JSON schema of a job file, for editors."""
    properties = {}
    for name, section in SECTIONS.items():
        table: Schema = {
            "type": "object",
            "description": section.about,
            "properties": {
                key_name: {**key.schema, "description": key.about}
                for key_name, key in section.keys.items()
            },
            "additionalProperties": False,
            "required": [n for n, key in section.keys.items() if key.is_needed],
        }
        properties[name] = (
            {"type": "array", "items": table} if section.is_list else table
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A job for `cerebros run`",
        "type": "object",
        "properties": properties,
        "required": [n for n, section in SECTIONS.items() if section.is_needed],
        "additionalProperties": False,
    }


def field_names(kind: str) -> set[str]:
    """Fields of the settings of a space; a test compares them with the keys."""
    return {field.name for field in fields(SPACES[kind])}
