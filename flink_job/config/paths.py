"""The paths of a configuration, which are relative to its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from flink_job.config.model import Config, FileSource


@dataclass(frozen=True)
class Paths:
    """Where the files and folders of a configuration are, whose file is in the folder `base`."""

    config: Config
    base: Path

    def absolute(self, path: str) -> Path:
        """A path of the configuration."""
        return (self.base / Path(path).expanduser()).resolve()

    @property
    def state(self) -> Path:
        """The folder of checkpoints, and of all else that a run must find again."""
        return self.absolute(self.config.run.state or f".flockwise/{self.config.name}")

    def files(self) -> FileSource | None:
        """The files to read, with absolute paths; None if events come from Kafka."""
        return self._absolute(self.config.source.files)

    def roster(self) -> FileSource | None:
        """The files of the roster, with absolute paths; None without any."""
        roster = self.config.roster
        return None if roster is None else self._absolute(roster.files)

    def _absolute(self, files: FileSource | None) -> FileSource | None:
        if files is None:
            return None
        paths = [str(self.absolute(path)) for path in files.paths]
        return msgspec.structs.replace(files, paths=paths)

    def output_folder(self) -> Path | None:
        """The folder of the changelog, None if it goes to Kafka."""
        folder = self.config.output.folder
        return None if folder is None else self.absolute(folder)
