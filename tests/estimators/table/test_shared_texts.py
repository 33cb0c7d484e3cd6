"""What features of real texts hold."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from cerebros.estimators.table import EncodingSettings, columns_of, fit_encoding


@pytest.mark.shared
def test_features_of_texts_hold_what_all_words_hold(shared_data):
    folder = shared_data / "sms-spam-text"
    frame = pd.read_csv(folder / "data.csv", keep_default_na=False)
    splits = np.load(folder / "splits.npz")
    is_spam = (frame["label"] == "spam").to_numpy().astype(int)
    train, test = splits["train_0"], splits["test_0"]
    columns = columns_of(frame[["text"]].iloc[train])
    targets = np.eye(2)[is_spam[train]]
    encoding = fit_encoding(columns, EncodingSettings(), targets=targets)
    folds = np.arange(len(train)) % 5
    known, _ = encoding.out_of_fold(columns, targets, None, folds)
    new, _ = encoding.transform(columns_of(frame[["text"]].iloc[test]))
    linear = LogisticRegression(max_iter=2000).fit(known, is_spam[train])
    loss = log_loss(is_spam[test], linear.predict_proba(new))
    assert loss < 0.06  # words between blanks in 32 dimensions: 0.118
