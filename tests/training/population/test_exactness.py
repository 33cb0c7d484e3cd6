"""The engine trains what Keras trains: step by step, on random plans."""

from collections import defaultdict

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from population_agreement import (
    context_of,
    differences,
    trained_by_engine,
    trained_by_keras,
)

from cerebros.lowering import to_keras
from cerebros.plan import GATES, Dense, Draft, Normalize
from cerebros.spaces import (
    LateralWiring,
    Output,
    Ports,
    RandomWiring,
    ResidualBlock,
    ResidualMLP,
    VerticalWiring,
)
from cerebros.testing import plans
from cerebros.training import TrainingTask
from cerebros.training.population import GROUPING, reason_not_lowerable

PORTS = Ports(input_widths=(3, 2), outputs=(Output(2), Output(1, "sigmoid")))


def wired(n, *, ports=PORTS, **arguments):
    """Random wirings with skip connections, laterals and gates."""
    space = RandomWiring(
        levels=(1, 4),
        units=(1, 3),
        neurons=(1, 4),
        vertical=VerticalWiring(input_density=1.5, density=1.2),
        lateral=LateralWiring(probability=0.8, gate_after=1, tries=2),
        **arguments,
    )
    return [space.sample(ports, np.random.default_rng([5, i])).plan for i in range(n)]


def examples_of(n, *, seed=0):
    """Random plans of whatever a plan may hold, without chance in their training."""
    found = []

    @settings(
        max_examples=4 * n,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        plans(
            rates=st.just(0.0),
            max_units=5,
            max_width=4,
            max_copies=3,
            max_outputs=2,
            max_inputs=2,
            activations=TAME,
            gates=TAME,
        )
    )
    def collect(plan):
        if plan.n_parameters and len(found) < n:
            found.append(plan)

    collect()
    return found


# Without exponential, which overflows, and softmax, of which Keras warns when it is
# applied to one neuron; both are compared below.
TAME = sorted(set(GATES) - {"exponential"})


def assert_agree(ours, theirs, *, rtol=1e-4):
    found = differences(ours, theirs)
    worst = max(found, key=found.get)
    assert found[worst] <= rtol, f"{worst} differs by {found[worst]:.1e}"


@pytest.mark.slow
def test_random_plans_learn_the_same():
    """SGD: Adam would blow up gradients that are nothing but rounding to full steps."""
    compared = 0
    for plan in examples_of(10):
        context = context_of(
            plan.input_widths, plan.output_widths, epochs=2, optimizer="sgd"
        )
        assert reason_not_lowerable(plan, context) is None
        task = TrainingTask(plan, seed=0, number=3)
        ours = trained_by_engine([task], context)[3]
        assert_agree(ours, trained_by_keras([task], context)[3])
        compared += 1
    assert compared >= 8


@pytest.mark.parametrize("size", [[1, 2, 1], [2, 4, 2], [3, 9, 3], [4, 8, 2]])
def test_every_size_of_tiles_learns_the_same(size, monkeypatch):
    """Layers that lie in several blocks, and variants stored side by side."""
    monkeypatch.setitem(GROUPING, "sizes", [size])
    context = context_of(PORTS.input_widths, (2, 1), epochs=2, optimizer="sgd")
    tasks = [TrainingTask(p, seed=0, number=i) for i, p in enumerate(wired(3))]
    ours, theirs = trained_by_engine(tasks, context), trained_by_keras(tasks, context)
    for number in theirs:
        assert_agree(ours[number], theirs[number])


@pytest.mark.slow
def test_residual_mlps_learn_the_same():
    """Bypasses that are concatenated, layers wider than a block, deep networks.

    In the deep one rounding grows tenfold with every step; so it takes three.
    """
    ports = Ports(input_widths=(5,), outputs=(Output(1),))
    block = ResidualBlock(depth=3, width=70, taper=9, bypass=(4,))
    deep = (ResidualBlock(depth=12, width=9),) * 2
    for number, (blocks, epochs) in enumerate([((block, block), 2), (deep, 1)]):
        context = context_of((5,), (1,), epochs=epochs, optimizer="sgd")
        settings = ResidualMLP(
            blocks=blocks,
            between=(6,),
            final=(5,),
            bypass_regularization="normalize",
            final_regularization="normalize",
            activation="elu",
        )
        task = TrainingTask(settings.plan(ports), seed=0, number=number)
        ours = trained_by_engine([task], context)[number]
        assert_agree(ours, trained_by_keras([task], context)[number])


OPTIMIZERS = {
    "sgd": "sgd",
    "momentum": keras.optimizers.SGD(0.02, momentum=0.9),
    "nesterov": keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "adam": keras.optimizers.Adam(0.01, epsilon=1e-3),
    "adamw": keras.optimizers.AdamW(0.01, weight_decay=0.1, epsilon=1e-3),
    "clipped by value": keras.optimizers.SGD(0.02, clipvalue=0.05),
    "clipped by norm": keras.optimizers.Adam(0.01, clipnorm=0.1, epsilon=1e-3),
    "clipped by all": keras.optimizers.SGD(0.1, global_clipnorm=0.2),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "copies"),
    [*((name, "drawn") for name in OPTIMIZERS), ("adam", "distinct")],
)
def test_wirings_learn_the_same_with_every_optimizer(name, copies):
    """Twenty-one steps of a whole population, of which Keras repeats two members."""
    plans_ = wired(6, copies=copies, scale_shift=name != "momentum")
    context = context_of(
        PORTS.input_widths, (2, 1), epochs=7, optimizer=OPTIMIZERS[name]
    )
    tasks = [TrainingTask(plan, seed=1, number=i) for i, plan in enumerate(plans_)]
    ours = trained_by_engine(tasks, context)
    largest = max(tasks, key=lambda task: len(task.plan.units))
    theirs = trained_by_keras([largest], context)
    assert_agree(ours[largest.number], theirs[largest.number])


@pytest.mark.slow
def test_rows_with_weights_schedules_and_own_rates():
    plan = wired(3)[2]
    context = context_of(
        PORTS.input_widths,
        (2, 1),
        epochs=5,
        weights=True,
        optimizer="sgd",
        schedule="one_cycle",
    )
    task = TrainingTask(plan, seed=1, number=0, learning_rate=0.03, weight_decay=0.2)
    ours, theirs = (
        f([task], context)[0] for f in (trained_by_engine, trained_by_keras)
    )
    assert_agree(ours, theirs)


@pytest.mark.slow
def test_coupled_and_steep_activations():
    net = Draft()
    x = net.input(3)
    a = net.unit(x, Normalize(), Dense(3, "softmax"))
    b = net.unit([x, a.gated("tanh")], Dense(4, "log_softmax"))
    c = net.unit([a, b], Normalize(False), Dense(2, "exponential"))
    plan = net.plan([net.unit([b, c], Dense(1))])
    context = context_of((3,), (1,), epochs=3, optimizer="sgd")
    task = TrainingTask(plan, seed=0, number=0)
    ours, theirs = (
        f([task], context)[0] for f in (trained_by_engine, trained_by_keras)
    )
    assert_agree(ours, theirs)


def test_a_trained_network_predicts_the_same_as_its_keras_model():
    """Of hundreds of plans; the history's last validation is the judge."""
    by_ports = defaultdict(list)
    for plan in [*examples_of(160), *wired(100), *wired(100, copies="drawn")]:
        by_ports[plan.input_widths, plan.output_widths].append(plan)
    compared = 0
    for (inputs, outputs), own in by_ports.items():
        if len(own) < 20:
            continue
        context = context_of(inputs, outputs, epochs=1, learning_rate=0.001)
        tasks = [TrainingTask(p, seed=0, number=i) for i, p in enumerate(own)]
        x, y = context.data.rows(context.split.validation)
        for number, outcome in trained_by_engine(tasks, context).items():
            model = to_keras(
                own[number], outcome.weights, output_scales=context.output_scales
            )
            predicted = model(x if len(x) > 1 else x[0], training=False)
            predicted = predicted if len(y) > 1 else [predicted]
            loss = sum(
                np.square(np.asarray(p) - t).mean()
                for p, t in zip(predicted, y, strict=True)
            )
            assert outcome.score == pytest.approx(float(loss), rel=1e-5)
            compared += 1
    assert compared >= 200
