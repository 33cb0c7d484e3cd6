"""Compiled programs: made once, kept on disk for the next search."""

from __future__ import annotations

from typing import Any

import jax

from cerebros.programs import Programs, compiled_program
from cerebros.training.population._segment import Recipe, make_segment

_programs = Programs(16)


def compiled(recipe: Recipe, arguments: tuple[Any, ...]) -> tuple[Any, float]:
    """The program of a recipe for arguments of these shapes.

    Args:
        recipe: what is compiled.
        arguments: of the program.

    Returns:
        The program, and the seconds that were spent in making it, or in waiting for
        another worker to make it.
    """
    shapes = jax.tree.map(lambda x: (jax.typeof(x).str_short(),), arguments)
    return _programs.get(
        (recipe, str(shapes)),
        lambda: compiled_program(
            make_segment(recipe), arguments, jax.default_backend(), donated=0
        ),
    )
