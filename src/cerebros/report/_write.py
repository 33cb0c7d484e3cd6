"""Putting a picture into a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cerebros.plan import NetworkPlan
from cerebros.report._page import network_to_html
from cerebros.report._svg import network_to_svg

_WRITERS = {".html": network_to_html, ".svg": network_to_svg}


def write_picture(
    path: str | os.PathLike[str],
    plan: NetworkPlan,
    *,
    title: str = "",
    notes: Mapping[str, str] | None = None,
) -> Path:
    """Draw a network into a file; the name says whether as a page or as an SVG.

    The file appears complete or not at all: it is written under a temporary name in the
    same folder and then renamed. A file of that name is replaced.

    Args:
        path: a name that ends in `.html` or `.svg`, in a folder that exists.
        plan: the network.
        title: heading.
        notes: facts to show below the heading, by their names.

    Returns:
        The path of the file.

    Raises:
        ValueError: if the name ends otherwise.
        OSError: if the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise ValueError(
            f"the name of a picture ends in {' or '.join(_WRITERS)}, but it is "
            f"{path.name!r}"
        )
    text = _WRITERS[path.suffix.lower()](plan, title=title, notes=notes)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
