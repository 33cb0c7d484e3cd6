"""A search that is killed goes on, and ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killable import KEEP, N_MADE_UP, made_up_store
from made_up import CONTEXT, contents, run

from cerebros.search import MemoryStore

PROGRAM = Path(__file__).with_name("killable.py")

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="needs fork and signals, which Windows lacks"
)

# A failure is repeated with the seed that it prints: KILL_SEED=… pytest …
SEED = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(10**6)))


@pytest.fixture(autouse=True)
def told_seed():
    print(f"KILL_SEED={SEED}")


def killed_until_finished(kind, *arguments):
    """Run the program, and return how often it was killed."""
    done = subprocess.run(
        [sys.executable, PROGRAM, kind, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture(scope="module")
def undisturbed():
    store = MemoryStore(CONTEXT.objective, keep=KEEP)
    run(store, N_MADE_UP)
    return contents(store)


@pytest.mark.parametrize("kind", ["moments", "interrupts", "steps"])
def test_the_end_is_the_same_however_often_it_is_killed(kind, undisturbed, tmp_path):
    n_kills = killed_until_finished(kind, tmp_path / "search", SEED)
    assert n_kills >= 3
    store = made_up_store(tmp_path / "search")
    assert contents(store) == undisturbed
    names = {path.name for path in (tmp_path / "search" / "weights").iterdir()}
    assert names == {f"trial_{number:05d}.safetensors" for number in undisturbed[1]}


def test_no_step_towards_the_disk_is_a_bad_one_to_be_killed_before(tmp_path):
    assert killed_until_finished("every-step", tmp_path) > 50


# --- Real networks ------------------------------------------------------------------


def search_with_keras(folder, *, kill_after=None, delay=0.0, sign=signal.SIGKILL):
    """Search until the end, or until some epochs were trained; return those lines."""
    lines = []
    with subprocess.Popen(
        [sys.executable, PROGRAM, "keras", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            lines.append(line.strip())
            if len(lines) == kill_after:
                time.sleep(delay)
                process.send_signal(sign)
        errors = process.stderr.read()
    if lines[-1] != "finished":
        assert process.returncode in (-sign, 1), errors
    return lines


@pytest.mark.slow
def test_real_trainings_end_the_same_bit_for_bit(tmp_path):
    rng = random.Random(SEED)
    whole = search_with_keras(tmp_path / "undisturbed")
    assert whole == [
        *(f"trial {number} epoch {epoch}" for number in range(3) for epoch in range(2)),
        "finished",
    ]

    folder = tmp_path / "disturbed"
    for sign in (signal.SIGKILL, signal.SIGINT):
        search_with_keras(
            folder,
            kill_after=rng.randint(1, 3),
            delay=rng.uniform(0, 0.5),
            sign=sign,
        )
    finished = made_up_store(folder).trials()
    last = search_with_keras(folder)
    # What was finished before is not trained again.
    trained = {line.split()[1] for line in last[:-1]}
    assert trained == {str(n) for n in range(3)} - {str(t.number) for t in finished}

    end, expected = (
        contents(made_up_store(tmp_path / name))
        for name in ("disturbed", "undisturbed")
    )
    assert end == expected
    assert len(end[0]) == 3
    assert len(end[1]) == KEEP
