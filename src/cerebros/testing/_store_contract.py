"""What every store must do, as tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeAlias, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cerebros.errors import StoreError
from cerebros.lowering import Weights
from cerebros.plan import Dense, Draft, NetworkPlan
from cerebros.search import Store, Trial
from cerebros.search.stores import Keep
from cerebros.testing._plans import plans
from cerebros.training import Direction, Objective, Status

OpenStore: TypeAlias = Callable[[Objective, Keep], Store]
"""Opens a store in one place; each call may be that of a new process."""

LOSS = Objective("val_loss", "minimize")
DEFINITION = {
    "seed": 0,
    "training": {"epochs": 96, "loss": "mse", "metrics": ["mae"], "patience": None},
    "strategy": {"type": "RandomSearch", "space": {"levels": [2, 7]}},
}

# The tests are inherited by several classes, which Hypothesis would warn about.
_contract = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)


class StoreContract:
    """Tests that every store must pass.

    A test module inherits them, and says where its store lives:

        class TestMyStore(StoreContract):
            @contextmanager
            def place(self):
                with TemporaryDirectory() as folder:
                    yield lambda objective, keep: MyStore(folder, objective, keep=keep)
    """

    def place(self) -> AbstractContextManager[OpenStore]:
        """An empty place, where what is yielded opens the store again and again."""
        raise NotImplementedError("a test class of a store overrides this")

    # --- The definition -------------------------------------------------------------

    def test_the_definition_is_that_of_the_first_begin(self) -> None:
        with self.place() as open_store:
            with open_store(LOSS, 3).begin(DEFINITION):
                pass
            again = open_store(LOSS, 3)
            assert again.definition() == DEFINITION
            with again.begin(DEFINITION):
                assert again.definition() == DEFINITION

    def test_a_store_that_was_never_begun_has_no_definition(self) -> None:
        with (
            self.place() as open_store,
            pytest.raises(StoreError, match="holds no search"),
        ):
            open_store(LOSS, 3).definition()

    def test_another_definition_is_refused_and_the_difference_named(self) -> None:
        changed: dict[str, Any] = {
            **DEFINITION,
            "seed": 1,
            "training": {**_entry("training"), "epochs": 50, "batch_size": 7},
        }
        with self.place() as open_store:
            store = open_store(LOSS, 3)
            with store.begin(DEFINITION):
                store.append(a_trial(0), some_weights(0))
            with pytest.raises(StoreError) as caught, store.begin(changed):
                pytest.fail("another search was begun in the same store")
            problems = str(caught.value).split("\n- ")[1:]
            assert [problem.partition("\n")[0] for problem in problems] == [
                "seed (0 there, 1 now)",
                "training.batch_size (None there, 7 now)",
                "training.epochs (96 there, 50 now)",
            ]
            # What was there stays, and goes on.
            with store.begin(DEFINITION):
                store.append(a_trial(1), some_weights(1))
            assert [trial.number for trial in store.trials()] == [0, 1]

    def test_an_error_while_searching_ends_the_reservation(self) -> None:
        with self.place() as open_store:
            store = open_store(LOSS, 3)
            with pytest.raises(KeyboardInterrupt):
                _interrupt(store)
            with store.begin(DEFINITION):
                assert [trial.number for trial in store.trials()] == [0]

    # --- Trials ---------------------------------------------------------------------

    def test_a_new_store_has_no_trials(self) -> None:
        with self.place() as open_store:
            store = open_store(LOSS, 3)
            with store.begin(DEFINITION):
                assert store.trials() == []

    @_contract
    @given(st.data())
    def test_trials_come_back_as_they_were_in_order_of_their_numbers(
        self, data: st.DataObject
    ) -> None:
        numbers = data.draw(st.lists(st.integers(0, 10**6), max_size=4, unique=True))
        stored = [data.draw(any_trials(number)) for number in numbers]
        with self.place() as open_store:
            store = open_store(LOSS, 3)
            with store.begin(DEFINITION):
                for trial in stored:
                    store.append(trial, some_weights(trial.number))
            found = open_store(LOSS, 3).trials()
        assert [trial.number for trial in found] == sorted(numbers)
        expected = {trial.number: all_fields(trial) for trial in stored}
        for trial in found:
            assert all_fields(trial) == expected[trial.number]

    def test_text_that_is_no_text_does_not_end_a_search(self) -> None:
        error = "OSError: cannot open \0 nor \ud800"
        with self.place() as open_store:
            store = open_store(LOSS, 3)
            with store.begin(DEFINITION):
                store.append(replace(a_trial(0), error=error), None)
            (trial,) = store.trials()
            assert (trial.error or "").startswith("OSError: cannot open ")

    def test_a_final_trial_is_never_replaced(self) -> None:
        finals = [status for status in Status if status.is_final]
        with self.place() as open_store:
            store = open_store(LOSS, "all")
            with store.begin(DEFINITION):
                for number, status in enumerate(finals):
                    store.append(a_trial(number, 2.0, status), some_weights(number))
                before = store.trials()
                for number in range(len(finals)):
                    for status in Status:
                        better = a_trial(number, 1.0, status)
                        with pytest.raises(StoreError, match="never replaced"):
                            store.append(better, some_weights(99))
                assert store.trials() == before
                for number in range(len(finals)):
                    assert same_bits(store.weights(number), some_weights(number))

    def test_an_interrupted_trial_is_replaced_with_its_weights(self) -> None:
        interrupted = Status.INTERRUPTED
        with self.place() as open_store:
            store = open_store(LOSS, 3)
            with store.begin(DEFINITION):
                store.append(a_trial(0, 1.0, interrupted), some_weights(1))
                store.append(a_trial(0, 2.0, interrupted), some_weights(2))
                assert [trial.score for trial in store.trials()] == [2.0]
                assert same_bits(store.weights(0), some_weights(2))
                store.append(a_trial(0, 3.0), some_weights(3))
                assert [trial.score for trial in store.trials()] == [3.0]
                assert same_bits(store.weights(0), some_weights(3))

    def test_an_interrupted_trial_that_then_fails_has_no_weights(self) -> None:
        with self.place() as open_store:
            store = open_store(LOSS, 3)
            with store.begin(DEFINITION):
                store.append(a_trial(0, 1.0, Status.INTERRUPTED), some_weights(1))
                store.append(a_trial(0, None, Status.FAILED), None)
                with pytest.raises(StoreError, match="weights of trial 0"):
                    store.weights(0)

    # --- Several at once ------------------------------------------------------------

    @_contract
    @given(st.data())
    def test_several_trials_at_once_end_as_one_after_the_other(
        self, data: st.DataObject
    ) -> None:
        keep = data.draw(KEEPS)
        drawn = data.draw(st.lists(st.tuples(SCORES, STATUSES), max_size=9))
        trials = [a_trial(n, score, status) for n, (score, status) in enumerate(drawn)]
        finished = [
            (trial, None if trial.score is None else some_weights(trial.number))
            for trial in trials
        ]
        cuts = data.draw(st.lists(st.integers(0, len(finished)), max_size=4))
        edges = [0, *sorted(cuts), len(finished)]
        with self.place() as open_store:
            store = open_store(LOSS, keep)
            with store.begin(DEFINITION):
                for first, end in pairwise(edges):
                    store.append_many(finished[first:end])
            again = open_store(LOSS, keep)
            assert again.trials() == trials
            kept = numbers_with_weights(again, range(len(trials)))
            assert kept == best_numbers(trials, LOSS, keep)
            for number in kept:
                assert same_bits(again.weights(number), some_weights(number))

    def test_several_trials_are_stored_all_or_none(self) -> None:
        with self.place() as open_store:
            store = open_store(LOSS, 3)
            with store.begin(DEFINITION):
                store.append(a_trial(1, 2.0), some_weights(1))
                for numbers in ((0, 1, 2), (0, 2, 0)):
                    several = [(a_trial(n), some_weights(99)) for n in numbers]
                    with pytest.raises(StoreError, match=r"never replaced|there twice"):
                        store.append_many(several)
                    assert [trial.number for trial in store.trials()] == [1]
                    assert same_bits(store.weights(1), some_weights(1))
                    assert numbers_with_weights(store, range(3)) == {1}

    def test_several_interrupted_trials_are_replaced_at_once(self) -> None:
        with self.place() as open_store:
            store = open_store(LOSS, 2)
            interrupted = [
                (a_trial(n, 1.0, Status.INTERRUPTED), some_weights(n)) for n in range(4)
            ]
            final = [(a_trial(n, 5.0 - n), some_weights(10 + n)) for n in range(4)]
            with store.begin(DEFINITION):
                store.append_many(interrupted)
                store.append_many(final)
                assert store.trials() == [trial for trial, _ in final]
                assert numbers_with_weights(store, range(4)) == {2, 3}
                assert same_bits(store.weights(3), some_weights(13))

    # --- Checkpoints ----------------------------------------------------------------

    @_contract
    @given(st.data())
    def test_a_checkpoint_comes_back_bit_for_bit(self, data: st.DataObject) -> None:
        arrays, others = data.draw(any_weights()), data.draw(any_weights())
        with self.place() as open_store:
            kept = open_store(LOSS, 1).checkpoints()
            assert kept.read("block_0") is None
            kept.write("block_0", others)
            kept.write("block_0", arrays)
            kept.write("block_1", others)
            again = open_store(LOSS, 1).checkpoints()
            assert same_bits(again.read("block_0") or {}, arrays)
            assert same_bits(again.read("block_1") or {}, others)
            assert list(again.read("block_0") or {}) == list(arrays)

    def test_a_checkpoint_does_not_change_with_the_arrays_it_was_made_of(self) -> None:
        with self.place() as open_store:
            kept = open_store(LOSS, 1).checkpoints()
            arrays = some_weights(0)
            kept.write("a", arrays)
            for taken in (arrays, kept.read("a") or {}):
                for array in taken.values():
                    array += 1
            assert same_bits(kept.read("a") or {}, some_weights(0))

    def test_checkpoints_are_forgotten_by_name_or_all_others(self) -> None:
        with self.place() as open_store:
            kept = open_store(LOSS, 1).checkpoints()
            kept.keep_only(set())
            kept.remove("a")
            for key in ("a", "b", "c", "d"):
                kept.write(key, some_weights(0))
            kept.remove("a")
            assert [kept.read(key) is None for key in "abcd"] == [1, 0, 0, 0]
            kept.keep_only({"c", "x"})
            assert [kept.read(key) is None for key in "abcd"] == [1, 1, 0, 1]
            kept.keep_only(set())
            assert [kept.read(key) is None for key in "abcd"] == [1, 1, 1, 1]
            kept.write("a", some_weights(0))
            assert kept.read("a") is not None

    def test_checkpoints_are_no_part_of_the_trials(self) -> None:
        with self.place() as open_store:
            store = open_store(LOSS, 1)
            with store.begin(DEFINITION):
                store.checkpoints().write("trial_00007", some_weights(0))
                store.append(a_trial(0), some_weights(0))
                store.checkpoints().keep_only(set())
            with open_store(LOSS, 1).begin(DEFINITION):
                assert numbers_with_weights(store, range(9)) == {0}

    # --- Weights --------------------------------------------------------------------

    @_contract
    @given(st.data())
    def test_weights_come_back_bit_for_bit(self, data: st.DataObject) -> None:
        weights = data.draw(any_weights())
        with self.place() as open_store:
            store = open_store(LOSS, 1)
            with store.begin(DEFINITION):
                store.append(a_trial(0), weights)
            assert same_bits(open_store(LOSS, 1).weights(0), weights)

    @_contract
    @given(st.data())
    def test_the_weights_of_the_best_are_kept_whatever_the_scores(
        self, data: st.DataObject
    ) -> None:
        objective = Objective("metric", data.draw(st.sampled_from(DIRECTIONS)))
        keep = data.draw(KEEPS)
        appended = data.draw(st.lists(st.tuples(SCORES, STATUSES), max_size=8))
        order = data.draw(st.permutations(range(len(appended))))
        trials: dict[int, Trial] = {}
        expected: set[int] = set()
        with self.place() as open_store:
            store = open_store(objective, keep)
            with store.begin(DEFINITION):
                for number in order:
                    score, status = appended[number]
                    trials[number] = a_trial(number, score, status)
                    weights = None if score is None else some_weights(number)
                    store.append(trials[number], weights)
                    best = best_numbers(trials.values(), objective, keep)
                    expected = (expected | {number}) & best
            again = open_store(objective, keep)
            assert numbers_with_weights(again, trials) == expected
            for number in expected:
                assert same_bits(again.weights(number), some_weights(number))

    @_contract
    @given(st.data())
    def test_the_order_of_arrival_does_not_matter(self, data: st.DataObject) -> None:
        objective = Objective("metric", data.draw(st.sampled_from(DIRECTIONS)))
        keep = data.draw(st.integers(1, 3))
        scores = data.draw(st.lists(SCORES, min_size=2, max_size=6))
        orders = [range(len(scores)), data.draw(st.permutations(range(len(scores))))]
        trials = {n: a_trial(n, score) for n, score in enumerate(scores)}
        ends = []
        for order in orders:
            with self.place() as open_store:
                store = open_store(objective, keep)
                with store.begin(DEFINITION):
                    for number in order:
                        store.append(trials[number], some_weights(number))
                ends.append((store.trials(), numbers_with_weights(store, trials)))
        assert ends[0] == ends[1]
        assert ends[0][0] == list(trials.values())

    def test_weights_that_are_not_there_are_an_error_that_says_why(self) -> None:
        with self.place() as open_store:
            store = open_store(LOSS, 1)
            with store.begin(DEFINITION):
                store.append(a_trial(0, 2.0), some_weights(0))
                store.append(a_trial(1, 1.0), some_weights(1))
                store.append(a_trial(2, None, Status.FAILED), None)
            for number in (0, 2, 77):
                with pytest.raises(StoreError) as caught:
                    store.weights(number)
                assert str(caught.value) == (
                    f"the weights of trial {number} are not there: it has no finite "
                    "score, or it is not among the best that were kept (keep=1); "
                    "search with keep='all' to keep every trial's"
                )

    @pytest.mark.parametrize("keep", [0, -1, 1.0, True, "some", None])
    def test_at_least_one_trial_keeps_its_weights(self, keep: Any) -> None:
        with (
            self.place() as open_store,
            pytest.raises(
                ValueError, match="keep must be a whole number >= 1 or 'all'"
            ),
        ):
            open_store(LOSS, keep)

    def test_with_keep_all_every_score_keeps_its_weights(self) -> None:
        with self.place() as open_store:
            store = open_store(LOSS, "all")
            with store.begin(DEFINITION):
                for number in range(20):
                    store.append(a_trial(number, number % 3), some_weights(number))
            for number in range(20):
                assert same_bits(store.weights(number), some_weights(number))


# --- What is put into stores --------------------------------------------------------

DIRECTIONS = get_args(Direction)
KEEPS: st.SearchStrategy[Keep] = st.sampled_from([1, 2, 3, 4, "all"])
SCORES = st.none() | st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]) | st.floats(-1e9, 1e9)
STATUSES = st.sampled_from([Status.FINISHED, Status.STOPPED_EARLY, Status.INTERRUPTED])


def a_plan() -> NetworkPlan:
    net = Draft()
    return net.plan(net.unit(net.input(2), Dense(1)))


def a_trial(
    number: int, score: float | None = 1.0, status: Status = Status.FINISHED
) -> Trial:
    history = {} if score is None else {"val_loss": (score,)}
    best_epoch = None if score is None else 0
    return Trial(number, a_plan(), status, score, best_epoch, history)


def some_weights(salt: int) -> Weights:
    kernel = np.arange(2, dtype=np.float32)[:, None] + salt
    return {"unit_1_dense/kernel": kernel, "unit_1_dense/bias": np.zeros(1, np.float32)}


@st.composite
def any_trials(draw: st.DrawFn, number: int) -> Trial:
    """Trials with whatever a trial may hold."""
    n_epochs = draw(st.integers(0, 4))
    value = st.floats() | st.sampled_from([float("nan"), float("inf"), -0.0, 5e-324])
    curve = st.lists(value, min_size=n_epochs, max_size=n_epochs).map(tuple)
    text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    return Trial(
        number=number,
        plan=draw(plans(max_units=4)),
        status=draw(st.sampled_from(Status)),
        score=draw(st.none() | st.floats(allow_nan=False, allow_infinity=False)),
        best_epoch=draw(st.none() | st.integers(0, 1000)),
        history=draw(st.dictionaries(text, curve, max_size=3)),
        repairs=tuple(draw(st.lists(text, max_size=2))),
        error=draw(st.none() | text),
        seconds=draw(st.floats(0, 1e6)),
    )


def any_weights() -> st.SearchStrategy[Weights]:
    """Arrays of any kind that a network, or a model in front of it, may have."""
    shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)
    dtypes = st.sampled_from(
        ["float32", "float64", "float16", "int32", "int64", "uint8", "uint32", "bool"]
    )
    array = st.builds(_random_array, shapes, dtypes, st.integers(0, 99), st.booleans())
    keys = st.sampled_from(["unit_1_dense/kernel", "unit_1_dense/bias", "stem_0/00003"])
    return st.dictionaries(keys, array, min_size=1)


def _random_array(shape: tuple[int, ...], dtype: str, seed: int, flip: bool) -> Any:
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    content = np.random.default_rng(seed).bytes(n_bytes)  # NaNs of every kind, too
    if dtype == "bool":
        content = bytes(byte % 2 for byte in content)
    array = np.frombuffer(content, dtype).reshape(shape)
    return array.T if flip else array


def _entry(name: str) -> Mapping[str, Any]:
    entry = DEFINITION[name]
    assert isinstance(entry, dict)
    return entry


def _interrupt(store: Store) -> None:
    with store.begin(DEFINITION):
        store.append(a_trial(0), some_weights(0))
        raise KeyboardInterrupt


# --- What is expected of them -------------------------------------------------------


def all_fields(trial: Trial) -> str:
    """Every field as text, in which NaN equals NaN, and the score -0.0 equals 0.0."""
    score = None if trial.score is None else trial.score + 0.0
    return repr(replace(trial, score=score))


def same_bits(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(
        (one[key].dtype, one[key].shape, one[key].tobytes())
        == (other[key].dtype, other[key].shape, other[key].tobytes())
        for key in one
    )


def best_numbers(trials: Iterable[Trial], objective: Objective, keep: Keep) -> set[int]:
    """The best, counted one by one; ties go to the lower number."""
    left = {trial.number: trial for trial in trials if trial.score is not None}
    best: set[int] = set()
    while left and (keep == "all" or len(best) < keep):
        number = min(left, key=lambda n: (_is_interrupted(left[n]), n))
        for n, trial in sorted(left.items()):
            same_kind = _is_interrupted(trial) == _is_interrupted(left[number])
            score = trial.score or 0.0
            if same_kind and objective.is_better(score, left[number].score):
                number = n
        best.add(number)
        del left[number]
    return best


def _is_interrupted(trial: Trial) -> bool:
    return not trial.status.is_final


def numbers_with_weights(store: Store, numbers: Iterable[int]) -> set[int]:
    found = set()
    for number in numbers:
        try:
            store.weights(number)
        except StoreError:
            continue
        found.add(number)
    return found
