"""Chunks of networks that are trained together, from first weights to checkpoints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.lowering import weight_shapes
from cerebros.lowering.levels import (
    LevelLayout,
    Matrices,
    activations_of,
    common_level_layout,
    holes_of,
    pack_weights,
)
from cerebros.plan import Dropout, NetworkPlan
from cerebros.programs import Programs, compiled_program, each_in_own_settings
from cerebros.training.levels._segment import (
    Progress,
    Rates,
    Shape,
    Span,
    Table,
    make_segment,
)

Floats: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a configuration is trained.

    Attributes:
        learning_rate: the highest.
        weight_decay: decoupled, of kernels.
        schedule: `"waves"`, four cosine waves in the logarithm of time, or
            `"one_cycle"`.
    """

    learning_rate: float = 0.006
    weight_decay: float = 0.03
    schedule: str = "waves"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """One network of a chunk.

    Attributes:
        plan: the network.
        training: how it is trained.
        seed: decides its first weights, with `plan`, and what dropout drops.
        weights: how much each row counts, `(row,)`; 0 for rows it must not see.
        valid: numbers of the rows for which it answers.
    """

    plan: NetworkPlan
    training: Training
    seed: tuple[int, ...]
    weights: Floats
    valid: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """The table of all members, as numbers.

    Attributes:
        plain: `(row, feature)`.
        encoded: `(row, feature)`; may have no columns.
        targets: `(row, output)`, standardized numbers, or classes one-hot.
        is_classification: whether they are classes.
        n_valid: most rows for which a member answers.
        batch_rows: rows of a batch.
        n_epochs: of the training.
        n_checkpoints: at which answers and matrices are kept.
        seed: decides the order of the rows.
        activation: of hidden units.
        entries: numbers of the rows that an epoch goes through, `(entry,)`; a row with
            several entries shares its weight among them. None for each row once.
        most_entries: of tables that are to share a compiled program.
        most_batches: after which an epoch ends, so that a training on very many rows
            has checkpoints; None for when all entries had their turn.
    """

    plain: Floats
    encoded: Floats
    targets: Floats
    is_classification: bool
    n_valid: int
    batch_rows: int
    n_epochs: int
    n_checkpoints: int
    seed: int
    activation: str = "mish"
    entries: npt.NDArray[np.int64] | None = None
    most_entries: int = 0
    most_batches: int | None = None

    @property
    def n_rows(self) -> int:
        return len(self.targets)

    @cached_property
    def n_entries_padded(self) -> int:
        """Entries, idle ones included."""
        n = max(len(self.all_entries), self.most_entries, self.batch_rows)
        return rounded_up_to_few(n, 64)

    @property
    def n_batches(self) -> int:
        """Batches of an epoch."""
        n = max(1, len(self.all_entries) // self.batch_rows)
        return n if self.most_batches is None else min(n, self.most_batches)

    @cached_property
    def all_entries(self) -> npt.NDArray[np.int64]:
        return np.arange(self.n_rows) if self.entries is None else self.entries

    @cached_property
    def n_plain(self) -> int:
        """Plain features, idle ones included."""
        return rounded_up_to_few(self.plain.shape[1], 8)

    @cached_property
    def n_features(self) -> int:
        """All features, idle ones included."""
        return rounded_up_to_few(self.n_plain + self.encoded.shape[1], 16)

    @cached_property
    def n_padded(self) -> int:
        """Rows, idle ones included."""
        return rounded_up_to_few(max(self.n_rows, self.batch_rows), 64)

    def layout(self, plans: Sequence[NetworkPlan]) -> LevelLayout:
        return common_level_layout(
            plans, n_plain=self.n_plain, n_features=self.n_features
        )

    @cached_property
    def features(self) -> Floats:
        padded = np.zeros((self.n_padded, self.n_features), np.float32)
        n_rows, n_plain = self.plain.shape
        padded[:n_rows, :n_plain] = self.plain
        n_encoded = self.encoded.shape[1]
        padded[:n_rows, self.n_plain : self.n_plain + n_encoded] = self.encoded
        return padded

    @cached_property
    def padded_targets(self) -> Floats:
        padded = np.zeros((self.n_padded, self.targets.shape[1]), np.float32)
        padded[: self.n_rows] = self.targets
        return padded


@dataclass(frozen=True, eq=False)
class Chunk:
    """Members whose networks are trained as one program.

    Attributes:
        members: the networks.
        width: slots of each rank.
    """

    members: tuple[Member, ...]
    width: int

    def layout(self, rows: Rows) -> LevelLayout:
        smallest = rows.layout([member.plan for member in self.members])
        if smallest.width > self.width:
            raise LoweringError(
                f"a rank has {smallest.width} neurons, but the chunk has {self.width} "
                "slots for it"
            )
        return LevelLayout(
            smallest.n_plain,
            smallest.n_features,
            smallest.n_ranks,
            self.width,
            smallest.n_outputs,
        )


@dataclass(frozen=True, eq=False)
class State:
    """Where the training of a chunk stands.

    Attributes:
        epoch: epochs done.
        n_steps: steps done.
        matrices: of all members.
        first: first moments of their gradients, arrays of NumPy or of JAX.
        second: second moments, likewise.
    """

    epoch: int
    n_steps: int
    matrices: Matrices
    first: Any
    second: Any


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a chunk has learned so far.

    Attributes:
        number: of the checkpoint, from 0.
        answers: `(member, valid row, output)`, standardized numbers or probabilities.
        state: matrices and what going on needs.
        is_last: whether the training is done.
        seconds_of_compiling: before this checkpoint.
    """

    number: int
    answers: Floats
    state: State
    is_last: bool
    seconds_of_compiling: float = 0.0


def first_state(chunk: Chunk, rows: Rows) -> State:
    """Untrained networks; each member's numbers depend on its own seed."""
    layout = chunk.layout(rows)
    own = [_initial(member, layout) for member in chunk.members]
    matrices = {key: np.stack([one[key] for one in own]) for key in own[0]}
    zeros = {key: np.zeros_like(value) for key, value in matrices.items()}
    return State(0, 0, matrices, zeros, {k: v.copy() for k, v in zeros.items()})


def _initial(member: Member, layout: LevelLayout) -> Matrices:
    """Normal with variance 1 / (1 + numbers read); outputs 0; biases normal, 0.25.

    Scales are 1. Numbers are drawn unit by unit, so that they are the same in a layout
    of any size.
    """
    rng = np.random.default_rng([*member.seed, 1])
    drawn = {
        key: rng.standard_normal(shape, np.float32)
        for key, shape in weight_shapes(member.plan).items()
    }
    matrices = pack_weights(member.plan, drawn, layout)
    for key, holes in holes_of(member.plan, layout).items():
        if key in ("output", "direct", "output_bias"):
            matrices[key] = np.zeros_like(matrices[key])
        elif key == "bias":
            matrices[key] *= np.float32(0.25)
        elif key != "scale":
            read = holes.sum(axis=-1, keepdims=True, dtype=np.float32)
            matrices[key] /= np.sqrt(read + 1)
    return matrices


@each_in_own_settings
def train_chunk(
    chunk: Chunk,
    rows: Rows,
    state: State | None = None,
    *,
    device: Any = None,
    stop: threading.Event | None = None,
    affordable: Callable[[int], int] | None = None,
) -> Iterator[Checkpoint]:
    """Train a chunk, and hand over what it has learned at each checkpoint.

    Args:
        chunk: the networks.
        rows: the table.
        state: where to go on; None to begin.
        device: to compute on; None for JAX's usual one.
        stop: ends the training after a checkpoint; one there is always.
        affordable: from epochs done to how many there is time for in all; a training
            that would be longer is shortened, schedule and all, and its first
            checkpoint comes after one epoch, when its pace is known. None for
            `n_epochs`.

    Raises:
        LoweringError: if a plan is not levels of matrices, does not fit the chunk, or
            has another activation than the rows say.
    """
    layout = chunk.layout(rows)
    for member in chunk.members:
        if activations_of(member.plan) != [rows.activation]:
            raise LoweringError(
                f"hidden units apply {activations_of(member.plan)}, but the program "
                f"is made for {rows.activation!r}"
            )
    shape = Shape(
        layout=layout,
        n_members=len(chunk.members),
        n_rows=rows.n_padded,
        n_entries=rows.n_entries_padded,
        n_valid=rounded_up_to_few(rows.n_valid, 16),
        batch_rows=rows.batch_rows,
        is_classification=rows.is_classification,
        activation=rows.activation,
    )
    state = state or first_state(chunk, rows)
    n_epochs = rows.n_epochs
    ends = checkpoint_epochs(n_epochs, rows.n_checkpoints)
    number = sum(end <= state.epoch for end in ends)
    if affordable is not None and not state.epoch and len(ends) > 1:
        ends = [1, *ends[1:]]
    with jax.default_device(device):
        holes = [holes_of(member.plan, layout) for member in chunk.members]
        fixed = (
            {key: jnp.asarray(np.stack([h[key] for h in holes])) for key in holes[0]},
            _rates(chunk.members),
            _table(chunk.members, rows, shape),
        )
        progress = Progress(
            jax.tree.map(jnp.asarray, state.matrices),
            jax.tree.map(jnp.asarray, state.first),
            jax.tree.map(jnp.asarray, state.second),
            jnp.int32(state.n_steps),
        )
        while state.epoch < n_epochs:
            if affordable is not None and state.epoch:
                n_epochs = min(n_epochs, max(affordable(state.epoch), state.epoch + 1))
                n_left = max(1, min(len(ends) - number, n_epochs - state.epoch))
                further = checkpoint_epochs(n_epochs - state.epoch, n_left)
                ends = [*ends[:number], *(state.epoch + own for own in further)]
            end = ends[number]
            span = Span(
                *map(
                    jnp.int32,
                    (state.epoch, end - state.epoch, n_epochs, rows.seed % 2**31),
                )
            )
            program, seconds = _compiled(shape, (progress, *fixed, span))
            progress, answers = program(progress, *fixed, span)
            # Moments stay on the device until somebody wants to keep them.
            state = State(
                end,
                int(progress.n_steps),
                _on_host(progress.matrices),
                progress.first,
                progress.second,
            )
            is_last = end == n_epochs
            yield Checkpoint(number, np.asarray(answers), state, is_last, seconds)
            number += 1
            if stop is not None and stop.is_set():
                return


def checkpoint_epochs(n_epochs: int, n_checkpoints: int) -> list[int]:
    """The epochs after which checkpoints are made, evenly spread, the last included."""
    n = min(n_checkpoints, n_epochs)
    return [(i + 1) * n_epochs // n for i in range(n)]


def _rates(members: Sequence[Member]) -> Rates:
    own = [member.training for member in members]
    return Rates(
        jnp.asarray([t.learning_rate for t in own], jnp.float32),
        jnp.asarray([t.weight_decay for t in own], jnp.float32),
        jnp.asarray([_dropout(member.plan) for member in members], jnp.float32),
        jnp.asarray([t.schedule == "one_cycle" for t in own]),
        jnp.asarray([_stream(member.seed) for member in members]),
    )


def _dropout(plan: NetworkPlan) -> float:
    """Share of hidden numbers that are dropped, the same behind all units."""
    rates = {s.rate for _, u in plan.nodes() for s in u.steps if isinstance(s, Dropout)}
    if len(rates) > 1:
        raise LoweringError(
            "networks of levels have one dropout rate, but this one has "
            f"{sorted(rates)}"
        )
    return rates.pop() if rates else 0.0


def _stream(seed: tuple[int, ...]) -> np.uint32:
    return np.uint32(np.random.SeedSequence([*seed, 2]).generate_state(1)[0])


def _table(members: Sequence[Member], rows: Rows, shape: Shape) -> Table:
    entries, n = rows.all_entries, len(rows.all_entries)
    n_of_row = np.maximum(np.bincount(entries, minlength=rows.n_rows), 1)
    padded = np.full(shape.n_entries, rows.n_padded - 1, np.int32)
    padded[:n] = entries
    weights = np.zeros((len(members), shape.n_entries), np.float32)
    valid = np.zeros((len(members), shape.n_valid), np.int32)
    for i, member in enumerate(members):
        own = (member.weights.astype(np.float64) / n_of_row)[entries]
        weights[i, :n] = own / max(own.mean(), 1e-300)
        valid[i, : len(member.valid)] = member.valid
    return Table(
        jnp.asarray(rows.features),
        jnp.asarray(rows.padded_targets),
        jnp.asarray(padded),
        jnp.asarray(weights),
        jnp.asarray(valid),
        jnp.int32(n),
        jnp.int32(rows.n_batches),
    )


def _on_host(tree: Any) -> Any:
    return jax.tree.map(np.asarray, jax.device_get(tree))


def rounded_up_to_few(n: int, multiple: int) -> int:
    """A size at or above `n`, of few: at most an eighth larger, or one multiple.

    So that tables of nearly equal sizes share a compiled program.
    """
    step = multiple
    while n > 8 * step:
        step *= 2
    return max(1, -(-n // step)) * step


# --- Programs, made once and kept on disk -------------------------------------------

_programs = Programs(8)


def _compiled(shape: Shape, arguments: Any) -> tuple[Any, float]:
    """The program, and the seconds that were spent in waiting for it."""
    device = next(iter(arguments[0].n_steps.devices()))
    return _programs.get(
        (shape, device),
        lambda: compiled_program(make_segment(shape), arguments, device.platform),
    )
