"""The folder of compiled programs: whatever is wrong with it, training goes on."""

import subprocess
import sys
import textwrap

import pytest

from cerebros.caches import CACHE_VARIABLE

SCRIPT = textwrap.dedent(
    """
    import logging
    import numpy as np
    from cerebros.plan import Dense, Draft
    from cerebros.training import NoCheckpoints, Problem, TrainingSettings, TrainingTask
    from cerebros.training.population import train_population

    logging.basicConfig(level=logging.WARNING)
    x = np.random.default_rng(0).normal(size=(60, 3))
    problem = Problem.regression(x, x[:, 0])
    net = Draft()
    plan = net.plan([net.unit(net.input(3), Dense(1))])
    for finished in train_population(
        [TrainingTask(plan, seed=0, number=0)],
        problem.context(TrainingSettings(epochs=2)),
        wanted=[0],
        deadline=None,
        report=lambda *_: None,
        checkpoints=NoCheckpoints(),
    ):
        for _, outcome in finished:
            print(outcome.status.name, *map(float.hex, outcome.history["val_loss"]))
    """
)


def trained_with(folder, monkeypatch):
    """What a process prints that keeps its programs there, and its warnings."""
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout, done.stderr


@pytest.mark.slow
def test_a_folder_that_cannot_be_used_is_said_so_and_changes_nothing(
    tmp_path, monkeypatch
):
    good, warnings = trained_with(tmp_path / "cache", monkeypatch)
    assert good.startswith("FINISHED")
    assert "compiled programs" not in warnings
    entries = list((tmp_path / "cache" / "programs").glob("*-cache"))
    assert entries

    for entry in entries:
        entry.write_bytes(b"\0" * 100)
    damaged, warnings = trained_with(tmp_path / "cache", monkeypatch)
    assert damaged == good
    assert "compilation cache" in warnings

    (tmp_path / "file").touch()
    without, warnings = trained_with(tmp_path / "file", monkeypatch)
    assert without == good
    assert "compiled programs are not kept" in warnings
    assert CACHE_VARIABLE in warnings
