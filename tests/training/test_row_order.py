"""The order of rows in an epoch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cerebros.training import epoch_batches


@given(st.data(), st.integers(0, 2**40), st.integers(0, 300))
def test_batches_are_whole_and_hold_each_row_at_most_once(data, seed, epoch):
    rows = np.array(data.draw(st.lists(st.integers(0, 999), min_size=1, unique=True)))
    batch_size = data.draw(st.integers(1, len(rows)))
    where = {"batch_size": batch_size, "seed": seed, "epoch": epoch}
    batches = epoch_batches(rows, **where)
    assert len(batches) == len(rows) // batch_size
    assert {len(batch) for batch in batches} == {batch_size}
    used = np.concatenate(batches).tolist()
    assert len(set(used)) == len(used)
    assert set(used) <= set(rows.tolist())
    for batch, same in zip(batches, epoch_batches(rows, **where), strict=True):
        np.testing.assert_array_equal(batch, same)


def test_seed_and_epoch_each_change_the_order():
    rows = np.arange(50)
    orders = {
        tuple(np.concatenate(epoch_batches(rows, batch_size=5, seed=seed, epoch=epoch)))
        for seed in range(5)
        for epoch in range(5)
    }
    assert len(orders) == 25


def test_every_row_sits_out_sometimes_and_none_always():
    rows, n_epochs = np.arange(10), 300
    used = np.zeros(10)
    for epoch in range(n_epochs):
        for batch in epoch_batches(rows, batch_size=4, seed=0, epoch=epoch):
            used[batch] += 1
    assert used.sum() == 8 * n_epochs
    assert (used < n_epochs).all()
    assert used.min() > 0.8 * n_epochs * 0.8
