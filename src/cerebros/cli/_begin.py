"""Taking a folder for a search, without taking it from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cerebros.cli._output import listed
from cerebros.cli._search_record import RECORD_FILE, SearchRecord, read_record
from cerebros.errors import StoreError
from cerebros.search import changed_entries
from cerebros.search.stores import DATABASE

_MAY_CHANGE = ("n_trials", "keep")
_LONGEST = 160  # characters of a difference; a list of columns may be long


def claim_folder(folder: Path, job: SearchRecord) -> None:
    """Write the job into a folder that is free, or that belongs to the same search.

    Raises:
        StoreError: if it belongs to another search, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file, but must be a folder; use another --out")
    if not (folder / DATABASE).exists():  # nothing is trained that could be lost
        job.write(folder)
        return
    before = read_record(folder)
    if before is None:
        raise StoreError(
            f"{folder} holds a search that was not begun with this command: it has no "
            f"{RECORD_FILE}; use another folder (--out)"
        )
    _check_same(job, before, folder)
    if job != before:
        job.write(folder)


def _check_same(job: SearchRecord, before: SearchRecord, folder: Path) -> None:
    changes = changed_entries(_identity(job), _identity(before))
    if changes:
        cut = [c if len(c) <= _LONGEST else c[:_LONGEST] + " …" for c in changes]
        raise StoreError(
            f"{folder} belongs to another search; it differs in{listed(cut)}\n"
            "Use another folder (--out), or repeat the arguments that began it."
        )


def _identity(job: SearchRecord) -> dict[str, Any]:
    data = {k: v for k, v in job.to_data().items() if k not in _MAY_CHANGE}
    return data | {"table": {"sha256": job.source.sha256}}
