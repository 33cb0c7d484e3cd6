import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from cerebros.errors import SearchError
from cerebros.estimators._committee import Trained
from cerebros.estimators._recipe import Drawn
from cerebros.estimators._turns import train_committee, transform_of


def losses(*rows):
    each = np.broadcast_arrays(*(np.array(row, float) for row in rows))
    return np.stack(each)


def test_a_transform_that_all_parts_prefer_is_taken():
    table = losses([5, 5, 6], [4, 4, 3])
    assert [transform_of(n, table) for n in (2, 3, 4)] == [1, 1, 1]


def test_where_parts_disagree_candidates_take_turns():
    """Else the transform would be chosen by rows that later judge."""
    table = losses([5, 5, 2], [4, 4, 3])
    assert [transform_of(n, table) for n in (2, 3, 4, 5)] == [0, 1, 0, 1]


def test_a_part_has_no_say_in_what_judges_it():
    """Without part 0 the second is better, with it the first: it is not taken."""
    table = losses([1, 5, 1], [2, 4, 2])
    assert {transform_of(n, table) for n in range(2, 6)} == {0, 1}


def test_a_candidate_that_failed_is_not_taken():
    table = losses([np.inf], [4, 4, 3])
    assert [transform_of(n, table) for n in (2, 3)] == [1, 1]
    three = losses([np.inf], [4, 4, 3], [4.5, 3, 5])
    assert [transform_of(n, three) for n in (4, 5, 6)] == [1, 2, 1]
    assert [transform_of(n, losses([np.inf], [np.inf])) for n in (2, 3)] == [0, 1]


@dataclass
class Committee:
    """One whose trials are numbers."""

    failing: tuple[int, ...] = ()
    unfinished: tuple[int, ...] = ()
    diverging: tuple[int, ...] = ()
    transforms: tuple = ()
    first_loss: float = 0.0
    taken: dict[int, int] = field(default_factory=dict)

    def work(self, _number):
        return 1.0

    def draw(self, number):
        return Drawn(number, None, None, is_encoded=False)

    def trained(self, number, transform, _device, stop, _deadline):
        assert isinstance(stop, threading.Event)
        self.taken[number] = transform
        if number in self.failing:
            raise MemoryError("no memory")
        is_complete = number not in self.unfinished
        return Trained(
            drawn=self.draw(number),
            transform=transform,
            answers=np.array([self.first_loss + number]),
            epochs=(4, 8) if is_complete else (4,),
            seconds=1.0,
            is_complete=is_complete,
        )


def trained(committee, n_trials=6):
    told = []
    found = train_committee(
        committee,
        n_trials=n_trials,
        ends=None,
        judge=lambda answers: np.where(
            np.isin(answers, committee.diverging), np.inf, answers
        ),
        on_trial=told.append,
    )
    assert sorted(own.drawn.number for own in told) == list(range(n_trials))
    return found


def test_trials_that_do_not_answer_are_told_with_a_reason():
    found = trained(Committee(failing=(1,), unfinished=(5,), diverging=(3,)))
    assert [own.drawn.number for own in found.answering] == [0, 2, 4]
    assert [
        (own.drawn.number, own.status, own.reason, own.n_epochs)
        for own in found.left_out
    ] == [
        (1, "failed", "MemoryError('no memory')", 0),
        (3, "diverged", "its answers were not finite", 8),
        (5, "unfinished", "the time was up after 4 epochs", 4),
    ]


def test_if_no_trial_is_finished_the_one_that_came_furthest_answers():
    found = trained(Committee(unfinished=(0, 1)), 2)
    assert len(found.answering) == 1
    assert [own.status for own in found.left_out] == ["unfinished"]


@pytest.mark.parametrize(
    ("committee", "words"),
    [
        (Committee(failing=(0, 1)), "all 2 trials failed; the first error was: Memory"),
        (Committee(diverging=(0, 1)), "the networks of all 2 trials diverged"),
        (Committee(failing=(0,), diverging=(1,)), "1 trials failed, the other 1 div"),
    ],
)
def test_without_any_trial_the_reason_is_told(committee, words):
    with pytest.raises(SearchError, match=words):
        trained(committee, 2)


def test_later_trials_follow_the_first_ones():
    """The lower number is the lower loss here, for all parts."""
    committee = Committee(transforms=kinds("identity", "log"))
    assert trained(committee).transform == 0
    assert committee.taken == {0: 0, 1: 1, 2: 0, 3: 0, 4: 0, 5: 0}


def test_a_linear_part_that_is_as_good_within_noise_is_taken():
    committee = Committee(transforms=kinds("identity", "linear"), first_loss=10.0)
    assert trained(committee, 4).transform == 0
    committee = Committee(transforms=kinds("identity", "linear"), first_loss=100.0)
    assert trained(committee, 4).transform == 1  # 100 against 0.98 · 101


def kinds(*names):
    return tuple((SimpleNamespace(kind=name),) for name in names)
