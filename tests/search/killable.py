"""Searches in processes that are killed; run by test_kill.py.

python killable.py keras FOLDER             trains small networks, a line for each epoch
python killable.py moments FOLDER SEED      made-up trials, killed at random moments
python killable.py interrupts FOLDER SEED   the same, interrupted as by Ctrl-C
python killable.py steps FOLDER SEED        killed before random steps towards the disk
python killable.py every-step FOLDER        killed before each step, one after another

Those with made-up trials begin the search again and again until it is finished, and
then print how often it was killed.
"""

import itertools
import os
import random
import signal
import sys
import time

from made_up import CONTEXT, MadeUpExecutor, contents, run

from cerebros.search import MemoryStore, SqlStore

KEEP = 2
N_MADE_UP = 18
MOST_ATTEMPTS = 400


def made_up_store(folder):
    return SqlStore.in_folder(folder, CONTEXT.objective, keep=KEEP)


def search_made_up(folder, n_trials=N_MADE_UP, *, pause=0.0):
    executor = MadeUpExecutor(pause=pause, block_size=4, together=2)
    run(made_up_store(folder), n_trials, executor=executor)


def search_with_keras(folder):
    """A search of three small networks; the last line tells that it is finished."""
    import numpy as np
    from made_up import SPACE

    from cerebros.search import Silent, search_networks
    from cerebros.training import Problem, TrainingSettings

    class EpochLines(Silent):
        def epoch(self, number, epoch, metrics):
            print(f"trial {number} epoch {epoch}", flush=True)

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    search_networks(
        Problem.regression(x, x @ [1.0, -2.0, 0.5]),
        space=SPACE,
        n_architectures=3,
        training=TrainingSettings(epochs=2, learning_rate=0.05),
        executor="keras",
        out=folder,
        keep=KEEP,
        show=EpochLines(),
    )
    print("finished", flush=True)


# --- Processes that are killed ------------------------------------------------------


def forked(work):
    """Begin some work in a process of its own, and return its number."""
    to_read, to_write = os.pipe()
    number = os.fork()
    if number:
        os.read(to_read, 1)
        os.close(to_read)
        os.close(to_write)
        return number
    try:
        os.write(to_write, b".")  # from here on an interrupt is noticed
        work()
    except KeyboardInterrupt:
        os._exit(130)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def wait_for(process):
    """Whether the search came to its end, or was killed; an error is one here."""
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise SystemExit(f"the search failed with {code}")
    return code == 0


def kill(process, sign):
    """Whether the search came to its end before the signal could stop it.

    An interrupt may come where Python ignores it, so it is sent until it is noticed;
    or where it ends in another error of a library that it surprises.
    """
    while True:
        os.kill(process, sign)
        time.sleep(0.02)
        number, status = os.waitpid(process, os.WNOHANG)
        if number:
            return os.waitstatus_to_exitcode(status) == 0


def kill_at_moments(folder, seed, sign):
    rng = random.Random(seed)
    for attempt in range(MOST_ATTEMPTS):
        process = forked(lambda: search_made_up(folder, pause=0.03))
        # Ever longer, so that a slow machine gets to the end as well.
        time.sleep(rng.uniform(0, 0.06 + 0.006 * attempt))
        if kill(process, sign):
            return attempt
    raise SystemExit("the search was never finished")


def kill_at_steps(folder, seed):
    rng = random.Random(seed)
    for attempt in range(MOST_ATTEMPTS):
        n_steps = rng.randint(1, 100)
        process = forked(lambda n=n_steps: dying_search(folder, n, N_MADE_UP))
        if wait_for(process):
            return attempt
    raise SystemExit("the search was never finished")


def kill_at_every_step(folder, n_trials=3):
    undisturbed = MemoryStore(CONTEXT.objective, keep=KEEP)
    run(undisturbed, n_trials)
    for n_steps in itertools.count(1):
        place = os.path.join(folder, str(n_steps))
        process = forked(lambda p=place, n=n_steps: dying_search(p, n, n_trials))
        is_finished = wait_for(process)
        search_made_up(place, n_trials)
        if contents(made_up_store(place)) != contents(undisturbed):
            raise SystemExit(f"another end after a kill before step {n_steps}")
        names = [path.name for path in os.scandir(os.path.join(place, "weights"))]
        if len(names) != KEEP:
            raise SystemExit(f"a kill before step {n_steps} leaves {sorted(names)}")
        if is_finished:
            break
    return n_steps - 1


def dying_search(folder, n_steps, n_trials):
    """A search whose process dies before a step that would reach the disk."""
    left = itertools.count(n_steps, -1)

    def watch(frame, event, function):
        if event == "c_call" and reaches_disk(function) and next(left) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
    search_made_up(folder, n_trials)
    sys.setprofile(None)


def reaches_disk(function):
    """Whether a function written in C changes a file or a database."""
    name, owner = (
        function.__name__,
        type(getattr(function, "__self__", None)).__module__,
    )
    if owner == "sqlite3":
        return name in ("execute", "commit", "rollback", "close")
    if owner == "_io":
        return name in ("write", "flush", "close")
    return getattr(function, "__module__", "") == "posix" and name in (
        "open", "fsync", "replace", "rename", "remove", "unlink", "mkdir",
    )  # fmt: skip


def main():
    kind, folder, *seed = sys.argv[1:]
    if kind == "keras":
        search_with_keras(folder)
        return
    n_kills = {
        "moments": lambda: kill_at_moments(folder, int(seed[0]), signal.SIGKILL),
        "interrupts": lambda: kill_at_moments(folder, int(seed[0]), signal.SIGINT),
        "steps": lambda: kill_at_steps(folder, int(seed[0])),
        "every-step": lambda: kill_at_every_step(folder),
    }[kind]()
    print(n_kills)


if __name__ == "__main__":
    main()
