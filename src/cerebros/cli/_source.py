"""Where the table of a search is, and how to tell whether it has changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cerebros.errors import DataError
from cerebros.jobs import TableFile, read_table


@dataclass(frozen=True, slots=True)
class Source:
    """The table of a search.

    Attributes:
        path: where it was, absolute.
        relative: where it was, seen from the search's folder, so that both can be
            moved together.
        sha256: of its content.
    """

    path: str
    relative: str
    sha256: str

    @classmethod
    def of(cls, path: Path, sha256: str, folder: Path) -> Source:
        absolute = path.resolve()
        try:
            relative = os.path.relpath(absolute, folder.resolve())
        except ValueError:  # on Windows: another drive
            relative = str(absolute)
        return cls(str(absolute), relative, sha256)

    def read(self, folder: Path, moved_to: str | None = None) -> TableFile:
        """Read the table again.

        Args:
            folder: of the search, wherever it is now.
            moved_to: where to look instead.

        Raises:
            DataError: if it is not there, or has another content.
        """
        places = [moved_to] if moved_to else [str(folder / self.relative), self.path]
        found = [read_table(place) for place in places if Path(place).exists()]
        if not found:
            raise DataError(
                f"the table of this search is not there (it was {self.path}); say "
                "where it is now with --table"
            )
        for table in found:
            if table.sha256 == self.sha256:
                return table
        raise DataError(
            f"{found[-1].name} has changed since the search was begun (its SHA-256 is "
            f"{found[-1].sha256[:12]}…, it was {self.sha256[:12]}…); restore it, or "
            "begin a new search in another folder"
        )
