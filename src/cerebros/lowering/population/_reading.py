"""What blocks and outputs read: products with inputs and with earlier blocks.

Without dropout a product with the inputs is one for all members. With it every stage
sees features of its own, and what a shift adds is dropped with its feature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cerebros.lowering.population._dropping import kept
from cerebros.lowering.population._drops import Drops
from cerebros.lowering.population._kernels import Kernels, take, take_kernel
from cerebros.lowering.population._layout import Layout

Array = jax.Array


def product(kernel: Array, values: Array) -> Array:
    """`(member, row, k)` times `(member, k, batch)`."""
    return lax.dot_general(kernel, values, (((2,), (1,)), ((0,), (0,))))


def outer(values: Array, errors: Array) -> Array:
    """`(member, k, batch)` times `(member, row, batch)`, summed over the batch."""
    return lax.dot_general(values, errors, (((2,), (2,)), ((0,), (0,))))


@dataclass(frozen=True, slots=True)
class Reading:
    """Products of a pass.

    Attributes:
        layout: static sizes.
        kernels: effective kernels.
        x: inputs, `(column, batch)`.
        drops: what is dropped; None where nothing is, as in prediction.
        row_bits: random bits of the rows of the batch, where something is dropped.
    """

    layout: Layout
    kernels: Kernels
    x: Array
    drops: Drops | None = None
    row_bits: Array | None = None

    # --- Forward ---

    def inputs(self, b: Any, reads: Array) -> Array:
        """What a block reads of the inputs, its bias included, `(member, row, batch)`.

        Args:
            b: number of the block.
            reads: whether it reads any input; else there is the bias alone.
        """
        kernel, shift = self._kernel("inputs", b)
        ones = self.layout.ones_column

        def product_of_all() -> Array:
            return self._of_inputs(kernel, shift, self._kept("inputs", b))

        def bias() -> Array:
            return kernel[..., ones : ones + 1] * self.x[ones]

        result: Array = lax.cond(reads, product_of_all, bias)
        return result

    def state(self, pair: Any, values: Array) -> Array:
        """What a block reads of an earlier one."""
        kernel, shift = self._kernel("state", pair)
        return _passed(kernel, shift, values, self._kept("state", pair))

    def inside(self, pair: Any) -> Array:
        """Kernel of what a block reads of itself, `(member, row, stored row)`."""
        return self._kernel("state", pair)[0]

    def out(self, b: Any, values: Array) -> Array:
        """What all outputs read of a block."""
        kernel, shift = self._kernel("out", b)
        parts = [
            _passed(kernel[:, rows], _rows(shift, rows), values, mask)
            for rows, mask in self._of_outputs("out", b)
        ]
        return jnp.concatenate(parts, axis=1)

    def out_in(self) -> Array:
        """What all outputs read of the inputs."""
        kernel, shift = self._kernel("out_in", 0)
        parts = [
            self._of_inputs(kernel[:, rows], _rows(shift, rows), mask)
            for rows, mask in self._of_outputs("out_in", None)
        ]
        return jnp.concatenate(parts, axis=1)

    # --- Backward ---

    def pulled_state(self, pair: Any, errors: Array) -> Array:
        """Gradient of a block's values by a later block that reads them."""
        pulled = product(self.columns("state", pair), errors)
        mask = self._kept("state", pair)
        return pulled if mask is None else pulled * mask

    def columns(self, name: str, i: Any) -> Array:
        """Kernel of a region, `(member, column, row)`."""
        return take_kernel(self.layout, self.kernels.flat, name, i)

    def pulled_out(self, b: Any, errors: Array) -> Array:
        """Gradient of a block's values by the outputs that read them."""
        kernel = self.columns("out", b)
        total = None
        for rows, mask in self._of_outputs("out", b):
            own = kernel[:, :, rows]
            if own.shape[2] == 1:
                pulled = own * errors[:, rows]
            else:
                pulled = product(own, errors[:, rows])
            pulled = pulled if mask is None else pulled * mask
            total = pulled if total is None else total + pulled
        assert total is not None, "there is an output"
        return total

    def input_gradients(
        self, b: Any, errors: Array, reads: Array
    ) -> tuple[Array, Array | None]:
        """Gradients of a block's kernel of inputs and bias, and of its shifts."""
        layout = self.layout

        def outer_of_all() -> tuple[Array, Array | None]:
            return self._outer_inputs(errors, self._kept("inputs", b))

        def of_bias() -> tuple[Array, Array | None]:
            is_bias = jnp.arange(layout.n_columns) == layout.ones_column
            own = (errors @ self.x[layout.ones_column])[:, None]
            kernel = jnp.where(is_bias[:, None], own, 0)
            has_shifts = self.drops is not None and self.kernels.shifts is not None
            return kernel, jnp.zeros_like(kernel) if has_shifts else None

        result: tuple[Array, Array | None] = lax.cond(reads, outer_of_all, of_bias)
        return result

    def state_gradients(
        self, pair: Any, errors: Array, values: Array
    ) -> tuple[Array, Array | None]:
        """Gradients of the kernel between two blocks, and of its shifts."""
        return self._outer(errors, values, self._kept("state", pair))

    def out_gradients(
        self, b: Any, errors: Array, values: Array
    ) -> tuple[Array, Array | None]:
        """Gradients of the outputs' kernels of a block, and of their shifts."""
        parts = [
            self._outer(errors[:, rows], values, mask)
            for rows, mask in self._of_outputs("out", b)
        ]
        return _joined(parts)

    def out_in_gradients(self, errors: Array) -> tuple[Array, Array | None]:
        """Gradients of the outputs' kernels of inputs, and of their shifts."""
        parts = [
            self._outer_inputs(errors[:, rows], mask)
            for rows, mask in self._of_outputs("out_in", None)
        ]
        return _joined(parts)

    # --- Inside ---

    def _kernel(self, name: str, i: Any) -> tuple[Array, Array | None]:
        """Kernel of a region, `(member, row, column)`; and kernel times shift where
        these are kept apart.
        """
        rows, shifts = self.kernels.rows, self.kernels.shifts
        assert rows is not None, "these are no gradients"
        by_rows = {"state": rows.state, "inputs": rows.inputs}
        if name in by_rows:
            kernel = take(by_rows[name], i)
        else:
            kernel = self.columns(name, i).swapaxes(1, 2)
        if shifts is None:
            return kernel, None
        return kernel, take_kernel(self.layout, shifts, name, i).swapaxes(1, 2)

    def _kept(self, kind: str, i: Any) -> Array | None:
        """What read features are multiplied by, `(member, feature, batch)`."""
        if self.drops is None or self.row_bits is None:
            return None
        keys, rates = getattr(self.drops, kind)
        return kept(take(keys, i), take(rates, i), self.row_bits)

    def _of_outputs(self, kind: str, i: Any) -> Iterator[tuple[slice, Array | None]]:
        """Rows of each output, and what of its reads is kept; all rows at once where
        nothing is dropped.
        """
        if self.drops is None or self.row_bits is None:
            yield slice(0, self.layout.n_outputs), None
            return
        keys, rates = getattr(self.drops, kind)
        if i is not None:
            keys, rates = take(keys, i), take(rates, i)
        start = 0
        for output, width in enumerate(self.layout.output_widths):
            mask = kept(keys[:, output], rates[:, output], self.row_bits)
            yield slice(start, start + width), mask
            start += width

    def _of_inputs(
        self, kernel: Array, shift: Array | None, mask: Array | None
    ) -> Array:
        if mask is not None:
            return _passed(kernel, shift, self.x, mask)
        members, rows, columns = kernel.shape
        flat = kernel.reshape(members * rows, columns) @ self.x
        result = flat.reshape(members, rows, -1)
        return result if shift is None else result + shift.sum(axis=-1)[..., None]

    def _outer_inputs(
        self, errors: Array, mask: Array | None
    ) -> tuple[Array, Array | None]:
        if mask is not None:
            return self._outer(errors, self.x, mask)
        members, rows, batch = errors.shape
        flat = errors.reshape(members * rows, batch) @ self.x.T
        return flat.reshape(members, rows, -1).swapaxes(1, 2), None

    def _outer(
        self, errors: Array, values: Array, mask: Array | None
    ) -> tuple[Array, Array | None]:
        if mask is None:
            return outer(values, errors), None
        shifts = None if self.kernels.shifts is None else outer(mask, errors)
        return outer(values * mask, errors), shifts


def _passed(
    kernel: Array, shift: Array | None, values: Array, mask: Array | None
) -> Array:
    if mask is None:
        result = product(kernel, values)
        return result if shift is None else result + shift.sum(axis=-1)[..., None]
    result = product(kernel, values * mask)
    return result if shift is None else result + product(shift, mask)


def _rows(shift: Array | None, rows: slice) -> Array | None:
    return None if shift is None else shift[:, rows]


def _joined(
    parts: list[tuple[Array, Array | None]],
) -> tuple[Array, Array | None]:
    kernels = jnp.concatenate([kernel for kernel, _ in parts], axis=2)
    shifts = [shift for _, shift in parts if shift is not None]
    return kernels, jnp.concatenate(shifts, axis=2) if shifts else None
