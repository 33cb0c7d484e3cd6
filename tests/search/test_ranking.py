"""Which trial is the best."""

import pytest
from made_up import a_plan

from cerebros.errors import SearchError
from cerebros.search import Trial, best_trial, ranked
from cerebros.training import Objective, Status

LOSS, ACCURACY = Objective("val_loss"), Objective("val_accuracy", "maximize")


def trial(number, score, status=Status.FINISHED, error=None):
    return Trial(number, a_plan(), status, score, error=error)


TRIALS = [trial(0, 3.0), trial(1, None, Status.FAILED), trial(2, 1.0), trial(3, 2.0)]


@pytest.mark.parametrize(
    ("objective", "order"), [(LOSS, [2, 3, 0]), (ACCURACY, [0, 3, 2])]
)
def test_better_scores_come_first_and_failures_not_at_all(objective, order):
    assert [t.number for t in ranked(TRIALS, objective)] == order
    assert best_trial(TRIALS, objective).number == order[0]


@pytest.mark.parametrize("objective", [LOSS, ACCURACY])
def test_of_equal_scores_the_lower_number_comes_first(objective):
    equal = [trial(number, 5.0) for number in (4, 1, 3)]
    assert [t.number for t in ranked(equal, objective)] == [1, 3, 4]


def test_interrupted_trials_come_after_all_others():
    trials = [trial(0, 1.0, Status.INTERRUPTED), trial(1, 9.0), trial(2, 9.5)]
    assert [t.number for t in ranked(trials, LOSS)] == [1, 2, 0]
    assert best_trial(trials[:1], LOSS).number == 0


def test_a_diverged_trial_competes_with_its_best_finite_epoch():
    trials = [trial(0, 2.0), trial(1, 1.0, Status.DIVERGED)]
    assert best_trial(trials, LOSS).number == 1


def test_if_all_failed_the_first_error_is_told():
    trials = [
        trial(0, None, Status.INTERRUPTED),
        trial(1, None, Status.FAILED, error="ValueError: no"),
        trial(2, None, Status.FAILED, error="ValueError: never"),
    ]
    with pytest.raises(SearchError) as caught:
        best_trial(trials, LOSS)
    assert str(caught.value) == (
        "all 3 trials failed, so there is no best one; the first error was in trial 1: "
        "ValueError: no"
    )


def test_a_failure_without_words_is_told_by_its_kind():
    with pytest.raises(SearchError, match="in trial 5: It needed more memory than"):
        best_trial([trial(5, None, Status.OUT_OF_MEMORY)], LOSS)


def test_if_there_was_no_time_for_a_trial_the_way_out_is_told():
    with pytest.raises(SearchError, match="give the search more time, or fewer epochs"):
        best_trial([], LOSS)
