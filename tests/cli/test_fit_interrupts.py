"""Fits that are stopped in the middle: nothing finished is lost, nothing changes."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from homes import homes

from cerebros.estimators import load

COMMAND = (sys.executable, "-m", "cerebros", "fit", "homes.csv", "--target", "price")
SETTINGS = ("--drop", "kind", "--trials", "4", "--folds", "2", "--epochs", "32")


def started(*options, folder, environment):
    return subprocess.Popen(
        [*COMMAND, *SETTINGS, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        cwd=folder,
    )


def wait_for_a_trial(process):
    """Read what a process says until a trial is done."""
    assert process.stderr is not None
    while not (line := process.stderr.readline()).startswith("trial "):
        assert process.poll() is None
        assert line


def times_of_done_trials(folder):
    """When each file of the trials was written that are not to be trained again."""
    return {
        path: path.stat().st_mtime_ns
        for last in folder.glob("trial_*_checkpoint_15.safetensors")
        for path in folder.glob(f"{last.name[:11]}_checkpoint_*")
        if not (folder / f"{last.name[:11]}_state.safetensors").exists()
    }


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["SIGINT", "SIGKILL"])
def test_a_stopped_fit_goes_on_to_the_same_end(run, tmp_path, environment, stop):
    homes().to_csv(tmp_path / "homes.csv", index=False)
    here = {"folder": tmp_path, "environment": environment}
    process = started("--work", "w", **here)
    wait_for_a_trial(process)
    process.send_signal(getattr(signal, stop))
    printed, said = process.communicate(timeout=120)
    assert printed == ""
    assert "Traceback" not in said
    if stop == "SIGINT":
        assert process.returncode == 130
        assert "Interrupted: what is finished is kept in w" in said
    assert not (tmp_path / "homes.cerebros").exists()
    done = times_of_done_trials(tmp_path / "w")
    assert done
    for options in (("--work", "w"), ("--out", "whole.cerebros")):
        _, said = started(*options, **here).communicate(timeout=300)
        assert "Traceback" not in said
    assert done == {path: path.stat().st_mtime_ns for path in done}
    rows = homes(40, seed=1)
    resumed, whole = (
        load(tmp_path / f"{name}.cerebros") for name in ("homes", "whole")
    )
    np.testing.assert_array_equal(resumed.predict(rows), whole.predict(rows))
    np.testing.assert_array_equal(
        resumed.predict_interval(rows), whole.predict_interval(rows)
    )


@pytest.mark.slow
def test_an_interrupt_without_a_folder_says_that_nothing_is_kept(tmp_path, environment):
    homes().to_csv(tmp_path / "homes.csv", index=False)
    process = started(folder=tmp_path, environment=environment)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("rows "):  # then JAX is loaded
        assert process.poll() is None
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=120)
    assert (process.returncode, printed) == (130, "")
    assert "Interrupted: nothing is kept; --work DIR keeps what is finished" in said
    assert [path.name for path in tmp_path.iterdir()] == ["homes.csv"]
