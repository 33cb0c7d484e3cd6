"""Compiled programs: made once, and few of them kept."""

import threading
import weakref

import numpy as np
import pytest

from cerebros.programs import Programs, forget_programs


class Program:
    """Something that can be watched."""


def test_the_programs_used_last_are_kept():
    programs, made = Programs(2), []

    def get(key):
        return programs.get(key, lambda: made.append(key) or Program())[0]

    first = weakref.ref(get("a"))
    assert get("a") is first()
    get("b"), get("a"), get("c")
    assert (len(programs), made) == (2, ["a", "b", "c"])
    get("a"), get("b")
    assert made == ["a", "b", "c", "b"]
    get("c")
    assert first() is None, "what is dropped is freed"


def test_threads_that_want_the_same_program_make_it_once():
    programs, made, may_go_on = Programs(2), [], threading.Event()

    def make():
        may_go_on.wait(10)
        made.append(Program())
        return made[-1]

    got = []
    threads = [
        threading.Thread(target=lambda: got.append(programs.get(1, make)[0]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    may_go_on.set()
    for thread in threads:
        thread.join()
    assert got == made * 4


def test_a_program_that_could_not_be_made_is_tried_again():
    programs = Programs(1)
    with pytest.raises(ZeroDivisionError):
        programs.get("a", lambda: 1 // 0)
    assert programs.get("a", lambda: 5)[0] == 5


def test_all_programs_are_forgotten():
    programs = Programs(3)
    programs.get("a", Program)
    forget_programs()
    assert len(programs) == 0


def test_fits_of_many_shapes_keep_few_programs(monkeypatch):
    from cerebros.estimators import CerebrosRegressor, PopulationSettings
    from cerebros.training.levels import _chunk

    programs = Programs(2)
    monkeypatch.setattr(_chunk, "_programs", programs)
    settings = PopulationSettings(epochs=1, folds=2)
    rng = np.random.default_rng(0)
    for n_columns in (2, 20, 60):
        x = rng.normal(size=(40, n_columns))
        CerebrosRegressor(time_budget=None, n_trials=1, population=settings).fit(
            x, x[:, 0] + rng.normal(size=40)
        )
        assert 1 <= len(programs) <= 2
