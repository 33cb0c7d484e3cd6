"""Residual MLPs: the plan that settings mean, draws, and grids."""

import numpy as np
import pytest

from cerebros.plan import Dense, Dropout, Normalize
from cerebros.spaces import (
    Output,
    Ports,
    RandomResidualMLP,
    ResidualBlock,
    ResidualMLP,
    residual_grid,
)

PORTS = Ports(input_widths=(7,), outputs=(Output(3, "softmax"),))


def block(depth=2, width=10, taper=3, bypass=()):
    return ResidualBlock(depth=depth, width=width, taper=taper, bypass=bypass)


def reads(plan, node):
    return [connection.source for connection in plan.unit(node).connections]


def test_a_block_reads_its_input_twice_and_is_concatenated():
    plan = ResidualMLP(blocks=(block(bypass=(4,)),), bypass_dropout=0.3).plan(PORTS)
    first, second, bypass, output = 1, 2, 3, 4
    assert plan.widths == (7, 10, 7, 4, 3)
    assert plan.unit(first).steps == (Dense(10, "relu"), Normalize())
    assert plan.unit(bypass).steps == (Dropout(0.3), Dense(4, "relu"), Dropout(0.3))
    assert reads(plan, first) == [0]
    assert reads(plan, second) == [first]
    assert reads(plan, bypass) == [0]
    assert reads(plan, output) == [second, bypass]
    assert plan.unit(output).steps == (Dense(3, "softmax"),)


def test_layers_between_blocks_and_behind_them():
    settings = ResidualMLP(
        blocks=(block(), block()),
        between=(6, 5),
        final=(9, 8),
        bypass_regularization="normalize",
        final_dropout=0.1,
        activation="elu",
    )
    plan = settings.plan(PORTS)
    assert plan.widths == (7, 10, 7, 7, 6, 5, 10, 7, 5, 9, 8, 3)
    assert plan.unit(3).steps == (Normalize(),)
    assert plan.unit(4).steps == (Dense(6, "elu"),)
    assert plan.unit(9).steps == (Dense(9, "elu"), Dropout(0.1))


def test_several_inputs_and_outputs():
    ports = Ports(input_widths=(4, 2), outputs=(Output(1), Output(2, "sigmoid")))
    plan = ResidualMLP(blocks=(block(depth=1),)).plan(ports)
    assert reads(plan, 2) == [0, 1]
    assert plan.output_widths == (1, 2)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((4, 12, 3), "4 \\* 3 = 12 is not below 12"),
        ((0, 12, 1), "depth of a block must be a whole number of at least 1"),
        ((1, 12, -1), "taper of a block must be a whole number of at least 0"),
        ((1, 2.5, 0), "width of a block"),
    ],
)
def test_impossible_blocks_say_why(numbers, message):
    with pytest.raises(ValueError, match=message):
        block(*numbers)


def test_wrong_settings_say_why():
    with pytest.raises(ValueError, match="one or more ResidualBlock"):
        ResidualMLP(blocks=())
    with pytest.raises(ValueError, match="bypass_regularization must be"):
        ResidualMLP(blocks=(block(),), bypass_regularization="bnorm")
    with pytest.raises(ValueError, match="final_dropout must hold"):
        ResidualMLP(blocks=(block(),), final_dropout=1.0)
    with pytest.raises(ValueError, match="each entry of final"):
        ResidualMLP(blocks=(block(),), final=(0,))


def test_draws_are_valid_varied_and_reproducible():
    space = RandomResidualMLP(depth=(1, 9), width=(2, 30), taper=(1, 20))
    plans = [space.sample(PORTS, np.random.default_rng(i)).plan for i in range(200)]
    again = [space.sample(PORTS, np.random.default_rng(i)).plan for i in range(200)]
    assert plans == again
    assert len(set(plans)) > 190
    for i in range(200):
        rng = np.random.default_rng(i)
        for drawn in space.sample_architecture(PORTS, rng).settings.blocks:
            assert drawn.depth * drawn.taper < drawn.width
            assert 1 <= drawn.depth <= 9
            assert 2 <= drawn.width <= 30


def test_the_whole_range_is_drawn():
    space = RandomResidualMLP(blocks=(1, 3), depth=(1, 3), final_layers=(0, 2))
    settings = [
        space.sample_architecture(PORTS, np.random.default_rng(i)).settings
        for i in range(100)
    ]
    assert {len(s.blocks) for s in settings} == {1, 2, 3}
    assert {b.depth for s in settings for b in s.blocks} == {1, 2, 3}
    assert {len(s.final) for s in settings} == {0, 1, 2}
    assert {s.bypass_regularization for s in settings} == {"dropout", "normalize"}
    assert {s.activation for s in settings} == {"relu", "elu"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": (0, 2)}, "depth must be a closed range"),
        ({"width": (5, 2)}, "width must be a closed range"),
        ({"bypass_dropout": (0.5, 1.0)}, "bypass_dropout must hold"),
        ({"activations": ()}, "activations must be a tuple"),
        ({"activations": ("rleu",)}, "relu"),
        ({"final_regularization": ("bnorm",)}, "final_regularization"),
    ],
)
def test_a_wrong_space_says_why(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomResidualMLP(**arguments)


def test_a_grid_is_screened_and_says_what_went_and_why():
    grid = residual_grid(
        depth=[2, 5], width=[10, 40], taper=[1, 3], n_blocks=[1, 0], final=[(), (5,)]
    )
    assert len(grid.kept) + len(grid.screened_out) == 32
    assert all(b.depth * b.taper < b.width for s in grid.kept for b in s.blocks)
    # 5 * 3 is not below 10, for two numbers of blocks and two final layers.
    tapered = [s for s in grid.screened_out if "depth * taper" in s.reason]
    assert len(tapered) == 4
    assert {(s.settings["depth"], s.settings["width"]) for s in tapered} == {(5, 10)}
    assert f"kept {len(grid.kept)} of 32 combinations; screened out" in str(grid)
    assert "4 since depth * taper must be below width" in str(grid)
    assert "14 since n_blocks must be a whole number" in str(grid)


def test_a_grid_of_unknown_settings_is_refused():
    with pytest.raises(TypeError, match="'widht' is no setting"):
        residual_grid(depth=[1], widht=[3])
    with pytest.raises(TypeError, match="missing for depth, width"):
        residual_grid(taper=[1])
    with pytest.raises(TypeError, match="activation must be a list"):
        residual_grid(depth=[1], width=[3], activation="relu")
