"""`cerebros cache`: what is kept of searches in the user's cache folder."""

from __future__ import annotations

import re
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from cerebros.caches import CACHE_KINDS, CACHE_VARIABLE, cache_folder
from cerebros.cli._exit import Exit
from cerebros.cli._output import note, print_json, print_table

_ENTRIES = {
    "programs": re.compile(r".+-(cache|atime)"),
    "features": re.compile(r"\.?[0-9a-f]{32}\.(npy|json).*"),
}
"""Names of the files that belong to a kind; no other is ever deleted."""
_COUNTED = {"programs": "-cache", "features": ".npy"}


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of one kind."""

    kind: str
    folder: Path
    files: tuple[Path, ...]

    @property
    def n(self) -> int:
        return sum(file.name.endswith(_COUNTED[self.kind]) for file in self.files)

    @property
    def n_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files if file.exists())


def run(arguments: Namespace) -> Exit:
    """List what is kept, or clear it."""
    all_kept = [kept for kind in CACHE_KINDS if (kept := _kept(kind)) is not None]
    if not all_kept:
        note(
            f"Nothing is kept, since {CACHE_VARIABLE} is empty, or names no folder "
            "while this user has no home folder."
        )
    if arguments.clear:
        for kept in all_kept:
            if arguments.clear in (kept.kind, "all"):
                _clear(kept)
        return Exit.DONE
    if arguments.json:
        print_json(
            [
                {
                    "kind": kept.kind,
                    "entries": kept.n,
                    "bytes": kept.n_bytes,
                    "folder": str(kept.folder),
                }
                for kept in all_kept
            ]
        )
    elif all_kept:
        print_table(
            ("kind", "entries", "MiB", "folder"),
            [
                (k.kind, str(k.n), f"{k.n_bytes / 2**20:.1f}", str(k.folder))
                for k in all_kept
            ],
            left=("kind", "folder"),
        )
    return Exit.DONE


def _kept(kind: str) -> _Kept | None:
    folder = cache_folder(kind)
    if folder is None:
        return None
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    own = tuple(f for f in files if f.is_file() and _ENTRIES[kind].fullmatch(f.name))
    return _Kept(kind, folder, own)


def _clear(kept: _Kept) -> None:
    n_bytes = kept.n_bytes
    for file in kept.files:
        file.unlink(missing_ok=True)
    note(f"Cleared {kept.n} {CACHE_KINDS[kept.kind]}, {n_bytes / 2**20:.1f} MiB.")
