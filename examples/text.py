"""Text through TF-IDF and a singular value decomposition, then searched heads.

python examples/text.py [TABLE]

The table has a column of text and a column of labels. Without one, short messages are
made up. The transformer is fitted on the training rows and no others.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from cerebros.search import search_networks
from cerebros.spaces import RandomWiring
from cerebros.training import Problem, TrainingSettings

SMS = Path(__file__).parents[2] / "shared/data/sms-spam-text/data.csv"


def made_up_messages(n=600):
    """Messages of words that spam and ham use with different chances."""
    rng = np.random.default_rng(0)
    both = [
        "you",
        "now",
        "call",
        "me",
        "at",
        "the",
        "to",
        "for",
        "on",
        "today",
        "tonight",
        "please",
        "reply",
    ]
    own = {
        "spam": ["free", "prize", "win", "claim", "cash", "text", "offer", "urgent"],
        "ham": ["home", "lunch", "love", "sorry", "late", "mum", "work", "later"],
    }
    labels = rng.choice(["ham", "spam"], n, p=[0.8, 0.2])
    texts = [
        " ".join(rng.choice(both + own[label] + own["ham"], rng.integers(4, 14)))
        for label in labels
    ]
    return pd.DataFrame({"text": texts, "label": labels})


def read(path):
    """The two columns of a table, whatever their names."""
    frame = pd.read_csv(path, keep_default_na=False)
    label = "label" if "label" in frame else frame.columns[0]
    text = next(name for name in frame.columns if name != label)
    return frame.rename(columns={text: "text", label: "label"})


given = [Path(name) for name in sys.argv[1:]] or ([SMS] if SMS.exists() else [])
frame = read(given[0]) if given else made_up_messages()
problem = Problem.classification(
    frame["text"],
    frame["label"],
    stems=make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2)),
        TruncatedSVD(60, random_state=0),
    ),
)
result = search_networks(
    problem,
    space=RandomWiring(levels=(2, 3), units=(1, 3), neurons=(8, 24), dropout=0.1),
    n_architectures=8,
    training=TrainingSettings(epochs=20, patience=5),
)
print(f"{len(frame):,} texts")
for rows, metrics in result.scores().items():
    print(f"{rows:17}", {name: round(value, 3) for name, value in metrics.items()})
shares = result.best_model().predict(
    problem.prepare(["Free prize! Call now to claim", "sorry, late for lunch at home"]),
    verbose=0,
)
print("probability of", problem.classes[1], np.round(shares[:, 0], 3))
