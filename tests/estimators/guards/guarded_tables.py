"""Tables bundled with scikit-learn, as the guards take them."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from cerebros.estimators.guards import check_table

NUMBERS = ("diabetes",)
CLASSES = ("breast_cancer", "iris", "wine")


@dataclass(frozen=True, eq=False)
class Guarded:
    """Columns and a target."""

    columns: dict
    target: np.ndarray
    is_classification: bool

    def at(self, rows):
        columns = {name: values[rows] for name, values in self.columns.items()}
        return replace(self, columns=columns, target=self.target[rows])

    def plus(self, **columns):
        return replace(self, columns={**self.columns, **columns})

    def check(self, **settings):
        settings = {
            "n_folds": 5,
            "is_classification": self.is_classification,
        } | settings
        return check_table(self.columns, self.target, **settings)


@cache
def bundled(name):
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")()
    columns = dict(zip(map(str, data.feature_names), data.data.T, strict=True))
    return Guarded(columns, data.target, name not in NUMBERS)


def found(findings):
    return {(finding.rule, finding.column) for finding in findings}
