import numpy as np
import pytest

from cerebros.estimators._score_report import ScoreReport, Standing


def report(*baselines, metric="rmse", **others):
    return ScoreReport(
        metric=metric,
        is_better_low=metric == "rmse",
        model=Standing("cerebros", 21_000.4, 310.0, 20_500.0, 900),
        best_trial=Standing("best single trial (3)", 22_000.0, 400.0, 21_700.0, 900),
        baselines=baselines,
        **others,
    )


def boosting(score, lead, error):
    return Standing("gradient boosting", score, 300.0, None, 900, lead, error)


BETTER = "The baseline gradient boosting is better than this model: rmse 20,100 against"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (boosting(20_100.0, 900.4, 200.0), f"{BETTER} 21,000, beyond noise."),
        (
            boosting(20_100.0, 900.4, np.nan),
            f"{BETTER} 21,000, though nothing tells how much of it is noise.",
        ),
    ],
)
def test_a_baseline_that_is_better_stands_in_the_first_line(own, words):
    constant = Standing("constant", 9e4, 1.0, None, 900, -7e4, 10.0)
    assert str(report(constant, own)).splitlines()[0] == words
    assert report(constant, own).verdict == words


def test_a_baseline_that_is_hardly_better_is_about_as_good():
    assert report(boosting(21_000.1, 0.3, 200.0)).verdict == (
        "The baseline gradient boosting is about as good as this model: rmse "
        "21,000.1 against 21,000.4, a difference within noise."
    )


def test_where_none_is_better_nothing_is_said():
    told = report(boosting(23_000.0, -2000.0, 100.0))
    assert told.verdict == ""
    assert str(told).splitlines() == [
        "rmse on rows used neither for training nor for selection (lower is better)",
        "  cerebros                  21,000 ± 310   (selection score: 20,500)",
        "  best single trial (3)     22,000 ± 400   (selection score: 21,700)",
        "  gradient boosting         23,000 ± 300",
    ]


def test_a_baseline_without_time_is_named():
    told = report(left_out={"gradient boosting": "all 5 folds would take about 90 s"})
    assert str(told).splitlines()[-1] == (
        "  gradient boosting was left out: all 5 folds would take about 90 s"
    )
