"""A whole search in one call, with real networks and with made-up ones."""

import keras
import numpy as np
import pytest
from made_up import MadeUpExecutor, a_plan, contents

from cerebros.errors import DataError, SearchError, StoreError
from cerebros.lowering import evaluate_reference
from cerebros.plan import Dense, Draft, Normalize
from cerebros.search import (
    GivenPlans,
    KerasExecutor,
    MemoryStore,
    Silent,
    SqlStore,
    open_store,
    search_networks,
)
from cerebros.spaces import RandomWiring
from cerebros.training import Objective, Outcome, Problem, Status, TrainingSettings

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
Y = X @ [1.0, -2.0, 0.5] * 10 + 50
PROBLEM = Problem.regression(X, Y)


def hidden_plan():
    net = Draft()
    hidden = net.unit(net.input(3), Normalize(), Dense(2, "tanh"))
    return net.plan(net.unit(hidden, Dense(1)))


STRATEGY = GivenPlans((a_plan(), hidden_plan()))
TRAINING = TrainingSettings(epochs=2, learning_rate=0.1)


def search(problem=PROBLEM, **changes):
    arguments = {
        "strategy": STRATEGY,
        "n_architectures": 2,
        "training": TRAINING,
        "show": "none",
    }
    return search_networks(problem, **(arguments | changes))


def made_up_search(problem=PROBLEM, **changes):
    return search(problem, **({"executor": MadeUpExecutor()} | changes))


class NoTraining(MadeUpExecutor):
    """An executor that must not be asked."""

    def train(self, tasks, context, *, wanted, deadline, report, checkpoints):
        pytest.fail(f"trial {tasks[0].number} was trained")
        yield


class NoTrainingWithKeras(NoTraining):
    """The same, in a search that Keras began."""

    def definition(self):
        return KerasExecutor().definition()


# --- A real one ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("search") / "out"


@pytest.fixture(scope="module")
def result(folder):
    return search(out=folder, keep=1, executor="keras")


def test_every_trial_is_there_with_its_history(result):
    assert [trial.number for trial in result.all_trials] == [0, 1]
    assert [trial.plan for trial in result.all_trials] == [a_plan(), hidden_plan()]
    assert {trial.status for trial in result.all_trials} == {Status.FINISHED}
    assert len(result.history()) == 4
    best = min(result.all_trials, key=lambda trial: trial.score)
    assert result.best_trial == best
    assert best.score == min(best.history["val_root_mean_squared_error"])


def test_the_best_model_is_an_ordinary_keras_model_in_its_best_epoch(result):
    model, best = result.best_model(), result.best_trial
    assert isinstance(model, keras.Model)
    predicted = model.predict(X, verbose=0)
    weights = result.store.weights(best.number)
    (expected,) = evaluate_reference(best.plan, weights, [X])
    (scale,) = PROBLEM.output_scales
    expected = expected * scale.scale[0] + scale.mean[0]
    np.testing.assert_allclose(predicted, expected, rtol=1e-4)


def test_the_score_of_the_best_model_is_the_one_that_was_ranked(result):
    scores = result.scores()
    assert scores["validation"]["root_mean_squared_error"] == pytest.approx(
        result.best_trial.score, rel=1e-4
    )
    assert set(scores["test"]) == set(scores["validation"])


def test_only_the_best_keep_their_weights(result):
    other = 1 - result.best_trial.number
    with pytest.raises(StoreError, match="search with keep='all'"):
        result.model(other)


def test_the_same_call_finds_everything_done(result, folder):
    again = search(out=folder, keep=1, executor=NoTrainingWithKeras())
    assert contents(again.store) == contents(result.store)


def test_another_call_in_the_folder_is_refused_with_the_difference(result, folder):
    settings = TrainingSettings(epochs=3, learning_rate=0.1)
    with pytest.raises(StoreError, match=r"training\.epochs \(2 there, 3 now\)"):
        search(out=folder, keep=1, training=settings, executor=NoTrainingWithKeras())


def test_a_search_can_be_read_without_making_it_again(result, folder):
    store = SqlStore.in_folder(folder, PROBLEM.objective)
    assert contents(store) == contents(result.store)


def test_a_model_in_front_may_change_the_width_of_an_input():
    stem = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    found = search(
        Problem.regression(X, Y, stems=stem),
        strategy=None,
        space=RandomWiring(levels=(1, 1)),
        n_architectures=1,
        training=TrainingSettings(epochs=1),
    )
    assert found.best_trial.plan.input_widths == (2,)
    assert found.best_model().input_shape == (None, 3)
    assert found.best_model().predict(X[:2], verbose=0).shape == (2, 1)


def test_divergence_is_stored_and_the_search_goes_on():
    store = MemoryStore(PROBLEM.objective)
    with pytest.raises(
        SearchError, match=r"trial 0: the loss was (inf|nan) in epoch 0"
    ):
        search(store=store, training=TrainingSettings(epochs=3, learning_rate=1e30))
    assert [trial.status for trial in store.trials()] == [Status.DIVERGED] * 2


# --- What is refused before any training --------------------------------------------


@pytest.mark.parametrize("name", ["n_architectures", "n_wirings"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
def test_counts_are_whole_and_at_least_1(name, value):
    with pytest.raises(
        ValueError, match=f"{name} must be a whole number >= 1, but got"
    ):
        search(**{name: value}, executor=NoTraining())


@pytest.mark.parametrize("seed", [-1, 0.5, None, True])
def test_a_seed_is_a_whole_number_of_0_or_more(seed):
    with pytest.raises(ValueError, match="seed must be a whole number >= 0, but got"):
        search(seed=seed, executor=NoTraining())


@pytest.mark.parametrize("budget", [0, -3.0, float("nan")])
def test_a_time_budget_is_positive(budget):
    with pytest.raises(ValueError, match="time_budget must be > 0 seconds, but got"):
        search(time_budget=budget, executor=NoTraining())


def test_an_unknown_metric_is_refused_with_the_known_columns(tmp_path):
    with pytest.raises(
        ValueError, match=r"known: loss, mean_absolute_error, .*val_loss"
    ):
        search(
            objective=Objective("val_wonder", "min"),
            out=tmp_path / "out",
            executor=NoTraining(),
        )
    assert not (tmp_path / "out").exists()


def test_a_loss_that_does_not_suit_the_targets_is_refused():
    settings = TrainingSettings(loss="categorical_crossentropy", metrics=["auc"])
    problem = Problem.classification(X, np.digitize(Y, [40, 60]))
    with pytest.raises(DataError, match="give one column for each class"):
        search(problem, training=settings, strategy=None, executor=NoTraining())


@pytest.mark.parametrize("keep", [0, -1, "some", 1.5])
def test_at_least_the_best_keeps_its_weights(keep):
    with pytest.raises(ValueError, match="keep must be a whole number >= 1 or 'all'"):
        search(keep=keep, executor=NoTraining())


def test_an_unknown_display_is_refused():
    with pytest.raises(ValueError, match="show must be 'auto'"):
        search(show="everything", executor=NoTraining())


# --- With made-up trainings ---------------------------------------------------------


def test_architectures_times_wirings_trials_are_made():
    found = made_up_search(
        strategy=None, space=RandomWiring(levels=(2, 3)), n_architectures=3, n_wirings=2
    )
    assert len(found.all_trials) == 6
    sizes = [[unit.steps for unit in trial.plan.units] for trial in found.all_trials]
    assert sizes[::2] == sizes[1::2]


def test_more_architectures_go_on_where_fewer_ended(tmp_path):
    space = RandomWiring(levels=(1, 2), units=(1, 2), neurons=(1, 3))
    few = {"strategy": None, "space": space, "out": tmp_path / "a"}
    made_up_search(**few, n_architectures=2)
    made_up_search(**few, n_architectures=5)
    at_once = made_up_search(**(few | {"out": tmp_path / "b"}), n_architectures=5)
    assert contents(open_store(tmp_path / "a", PROBLEM.objective)) == (
        contents(at_once.store)
    )


def failing(task):
    return Outcome(Status.FAILED, error=f"RuntimeError: no luck in {task.number}")


def test_if_every_trial_fails_the_first_error_is_raised_and_all_are_stored(tmp_path):
    with pytest.raises(SearchError) as caught:
        search(executor=MadeUpExecutor(failing), out=tmp_path)
    assert str(caught.value) == (
        "all 2 trials failed, so there is no best one; the first error was in trial 0: "
        "RuntimeError: no luck in 0"
    )
    assert len(open_store(tmp_path, PROBLEM.objective).trials()) == 2


def test_without_time_for_a_trial_the_way_out_is_told():
    with pytest.raises(SearchError, match="give the search more time, or fewer epochs"):
        made_up_search(time_budget=1e-9)


def test_progress_goes_to_an_object_of_one_s_own():
    class Counting(Silent):
        numbers = ()

        def trial(self, trial):
            self.numbers += (trial.number,)

    counting = Counting()
    made_up_search(show=counting)
    assert counting.numbers == (0, 1)


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = made_up_search()
    assert isinstance(found.store, MemoryStore)
    assert list(tmp_path.iterdir()) == []


def test_a_metric_alone_says_which_way_is_better():
    result = made_up_search(objective="val_mean_absolute_error")
    assert result.context.objective == Objective("val_mean_absolute_error", "minimize")
    assert Objective("val_accuracy").direction == "maximize"


def test_whole_numbers_of_numpy_are_whole_numbers():
    result = made_up_search(n_architectures=np.int64(2), seed=np.int64(3))
    assert len(result.all_trials) == 2


def test_a_copy_of_the_target_is_reported(caplog):
    made_up_search(Problem.regression(np.c_[X, 3 - Y], Y))
    assert "column 3 is a copy of the target" in caplog.text


def test_a_metric_of_many_numbers_is_refused():
    training = TrainingSettings(metrics=[keras.metrics.F1Score()])
    problem = Problem.classification(X, np.digitize(Y, [40, 60]))
    with pytest.raises(ValueError, match=r"'f1_score' gives 3 numbers.*macro"):
        search(problem, training=training, strategy=None, executor=NoTraining())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("space", RandomWiring), ("training", {}), ("time_budget", "5"),
        ("executor", 3), ("executor", KerasExecutor),
    ],
)  # fmt: skip
def test_an_argument_of_the_wrong_kind_is_named(name, value):
    if name == "training":
        value = {"epochs": 2}
    with pytest.raises(TypeError, match=name):
        search(**({"executor": NoTraining()} | {name: value}))


def test_an_executor_has_a_known_name():
    with pytest.raises(ValueError, match=r"one of \['keras', 'population'\] or an obj"):
        search(executor="ray")
