"""A job file is checked as a whole, and what is wrong is said with the way out."""

import dataclasses
import json
import tomllib

import pytest

from cerebros.errors import JobError
from cerebros.jobs import job_schema, job_template, parse_job, read_job_file
from cerebros.jobs._keys import FINE_TUNING, SECTIONS, SPACE, SPACES, TRAINING
from cerebros.search import FineTuning
from cerebros.spaces import RandomResidualMLP, RandomWiring
from cerebros.training import TrainingSettings

SMALL = """
[data]
bundled = "iris"
target = "target"
task = "classification"
[output]
folder = "run"
"""


def parse(text, tmp_path):
    return parse_job(text, base=tmp_path)


def test_the_template_is_a_job(tmp_path):
    job = parse(job_template(), tmp_path)
    assert job.space == RandomWiring(levels=(2, 4), units=(1, 3), neurons=(8, 32))
    assert job.training.epochs == 20
    assert job.folder == tmp_path / "run"
    assert job.fine_tuning is None


def test_every_line_of_the_template_is_valid_when_it_is_used(tmp_path):
    """Commented keys too, each put into a job of its own."""
    section, n = None, 0
    needs = {
        "keras": 'stem = "keras"',
        "application": 'stem = "application"',
        "tfidf": 'stem = "tfidf"',
        "residual_mlp": 'kind = "residual_mlp"',
    }
    for line in job_template().splitlines():
        bare = line.removeprefix("# ").strip()
        if bare.startswith("["):
            section = bare
        elif line.startswith("# ") and " = " in line and "  #" in line:
            kind = line.rpartition("only for ")[2].rstrip(")").split(" and ")[0]
            other = needs.get(kind, "")
            content = f"{section}\n{other}\n{bare}\n"
            given = tomllib.loads(content)
            name = section.strip("[]")
            whole = tomllib.loads(SMALL)
            if name == "data":
                whole["data"].pop("bundled")
            if isinstance(given[name], list):
                whole[name] = given[name]
            else:
                whole[name] = whole.get(name, {}) | given[name]
            parse(to_toml(whole), tmp_path)
            n += 1
    assert n > 30


def to_toml(content):
    lines = []
    for name, value in content.items():
        for table in value if isinstance(value, list) else [value]:
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            lines += [f"{k} = {json.dumps(v)}" for k, v in table.items()]
    return "\n".join(lines)


def test_defaults_are_those_of_the_settings(tmp_path):
    job = parse(SMALL, tmp_path)
    assert job.space == RandomWiring()
    assert job.training == TrainingSettings()
    assert job.objective is None


def test_keys_are_names_of_settings():
    def names(kind):
        return {field.name for field in dataclasses.fields(kind)}

    assert {*TRAINING} <= names(TrainingSettings)
    assert {*FINE_TUNING} == names(FineTuning)
    for kind, made in SPACES.items():
        own = {name for name, key in SPACE.items() if key.only == (kind,)}
        assert own <= names(made)


def test_a_residual_mlp_and_a_fine_tuning(tmp_path):
    job = parse(
        SMALL
        + """
[space]
kind = "residual_mlp"
blocks = [1, 2]
[fine_tuning]
layers = ["a", "b"]
""",
        tmp_path,
    )
    assert job.space == RandomResidualMLP(blocks=(1, 2))
    assert job.fine_tuning == FineTuning(layers=("a", "b"))


def test_the_schema_knows_what_the_check_knows():
    schema = job_schema()
    assert {*schema["properties"]} == {*SECTIONS}
    assert schema["additionalProperties"] is False
    assert schema["properties"]["inputs"]["items"]["additionalProperties"] is False
    assert schema["properties"]["data"]["required"] == ["target", "task"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data", "is not TOML"),
        ("", r"the section \[data\] is missing"),
        (SMALL + "[serch]\n", "unknown section 'serch'; did you mean 'search'"),
        (
            SMALL + "[training]\nepoch = 3\n",
            r"\[training\] has an unknown key 'epoch'; did you mean 'epochs'",
        ),
        (
            SMALL + "[training]\nepochs = '3'\n",
            r"\[training\] epochs = '3' must be a whole number",
        ),
        (SMALL + "[training]\nepochs = 3.5\n", "epochs = 3.5 must be a whole number"),
        (SMALL + "[training]\nepochs = true\n", "epochs = True must be a whole"),
        (SMALL + "[training]\nepochs = 0\n", r"\[training\] epochs must be"),
        (
            SMALL + "[training]\nschedule = 'cosin'\n",
            "must be one of constant, .*; did you mean 'cosine'",
        ),
        (SMALL + "[space]\nlevels = 3\n", "levels = 3 must be a list"),
        (SMALL + "[space]\nlevels = [3]\n", "must hold 2 entries, but holds 1"),
        (SMALL + "[space]\nlevels = [3, 'a']\n", "holds 'a', which must be a whole"),
        (SMALL + "[space]\nlevels = [3, 1]\n", r"\[space\] levels"),
        (
            SMALL + "[space]\nblocks = [1, 2]\n",
            "blocks goes with kind = 'residual_mlp' only, but kind is 'random_wiring'",
        ),
        (SMALL + "[inputs]\nstem = 'none'\n", r"written as a section: \[\[inputs\]\]"),
        (
            SMALL + "[[inputs]]\ncut = 3\n",
            "cut goes with stem = 'keras' or stem = 'application' only",
        ),
        (SMALL.replace("target", "aim"), "target is missing: name of the column"),
        (SMALL.replace("bundled", "file = 'a.csv'\nbundled"), "either file or bundled"),
        (SMALL + "[fine_tuning]\nlearning_rate = -1\n", r"\[fine_tuning\] learning_"),
    ],
)
def test_what_is_wrong_is_said_with_where_and_the_way_out(text, message, tmp_path):
    with pytest.raises(JobError, match=message):
        parse(text, tmp_path)


def test_all_problems_are_listed_at_once(tmp_path):
    text = SMALL + "[training]\nepochs = '3'\nlr = 1\n[search]\nseeds = 1\n"
    with pytest.raises(JobError) as caught:
        parse(text, tmp_path)
    assert str(caught.value).count("\n- ") == 3


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(JobError, match=r"run --template > job\.toml"):
        read_job_file(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes("# é".encode("latin-1"))
    with pytest.raises(JobError, match="not UTF-8"):
        read_job_file(tmp_path / "latin.toml")
