"""Real processes that are stopped in the middle: nothing is lost, nothing changes."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
from houses import SETTINGS

COMMAND = (sys.executable, "-m", "cerebros")
SEARCH = ("--target", "price", "--leave-out", "kind", *SETTINGS)  # as in `searched`


def trials_of(run, folder):
    listed = json.loads(run("trials", folder, "--json").out)["trials"]
    return [{k: v for k, v in trial.items() if k != "seconds"} for trial in listed]


def wait_for(process, folder, run, *, n_trials):
    """Wait until a process has stored some trials."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        done = run("trials", folder, "--json")
        if done.code == 0 and len(json.loads(done.out)["trials"]) >= n_trials:
            return
        time.sleep(0.05)
    raise AssertionError("the process stored nothing in two minutes")


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["SIGINT", "SIGKILL"])
def test_a_stopped_search_goes_on_to_the_same_end(
    run, table, tmp_path, searched, environment, stop
):
    out = tmp_path / "stopped"
    process = subprocess.Popen(
        [*COMMAND, "search", str(table), *SEARCH, "--trials", "12", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    )
    wait_for(process, out, run, n_trials=1)
    process.send_signal(getattr(signal, stop))
    printed, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    if stop == "SIGINT":
        assert process.returncode == 130
        assert printed == ""
        assert "of 12 networks are trained and kept" in said
        assert f"Go on with: cerebros resume {out}" in said
    assert run("resume", out, "--quiet").code == 0
    # What a trial comes to does not depend on how many there are, either.
    first = [trial for trial in trials_of(run, out) if trial["trial"] < 2]
    assert first == trials_of(run, searched / "price")
    whole = tmp_path / "whole"
    run("search", table, *SEARCH, "--trials", "12", "--quiet", "--out", whole)
    assert trials_of(run, out) == trials_of(run, whole)


@pytest.mark.slow
def test_an_interrupt_while_everything_is_being_loaded_is_no_crash(
    table, tmp_path, environment
):
    process = subprocess.Popen(
        [*COMMAND, "search", str(table), *SEARCH, "--out", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    )
    assert process.stderr is not None
    while "left out" not in process.stderr.readline():  # just before JAX is loaded
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert "0 of 2 networks are trained and kept" in said


@pytest.mark.slow
def test_the_command_is_also_a_module_and_ends_well_in_a_pipe(searched, environment):
    listing = [*COMMAND, "trials", str(searched / "price"), "--json"]
    process = subprocess.Popen(
        listing, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # the reader leaves before the first word
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 0
    process.stderr.close()


def test_an_interrupt_in_the_middle_of_a_training_says_how_to_go_on(
    run, copied, monkeypatch
):
    def interrupt(*_arguments, **_keywords):
        raise KeyboardInterrupt

    trainer = "cerebros.training.population.train_population"
    monkeypatch.setattr(trainer, interrupt, raising=False)
    done = run("resume", copied / "price", "--trials", "4", "--progress", "none")
    assert done.code == 130
    assert done.out == ""
    assert "2 of 4 networks are trained and kept" in done.err
    assert f"cerebros resume {copied / 'price'}" in done.err
    shutil.rmtree(copied)
