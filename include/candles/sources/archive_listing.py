"""Which files below a path are read for candles, and which are passed over, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from include.candles.sources.archive_file import SUFFIXES
from include.candles.sources.archive_name import BadFileError, check_name, name_parts
from include.candles.sources.archive_packed import PACKED_SUFFIXES, holds_csv
from include.symbols import find_markets

# What stands beside candles and is never taken for them, so that nobody misses it.
_DOCUMENTS = {
    ".checksum", ".cfg", ".conf", ".css", ".gif", ".htm", ".html", ".ini", ".ipynb", ".jpg", ".log", ".md",
    ".md5", ".pdf", ".png", ".py", ".rst", ".sh", ".sha256", ".sql", ".svg", ".toml", ".yaml", ".yml", "",
}  # fmt: skip
_PROSE = ("readme", "license", "licence", "notice", "changelog", "requirements")


@dataclass(frozen=True)
class PassedOver:
    """A file that is not looked into."""

    path: Path
    reason: str

    def may_hold(self, symbol: str) -> bool:
        """Say whether it is named after this symbol."""
        return bool(find_markets(symbol, [name_parts(Path(self.path.name.split(".")[0]))[0]]))


@dataclass(frozen=True)
class Listing:
    """The files below a path."""

    files: Sequence[Path]
    passed_over: Sequence[PassedOver]

    def why_no_files(self) -> str:
        """Say why there are no files."""
        some = any(file.path.suffix.lower() in SUFFIXES for file in self.passed_over)
        words = "none is read" if some else f"none ends in {', '.join(sorted(SUFFIXES))}"
        others = [f"{file.path.name}: {file.reason}" for file in self.passed_over[:5]]
        return "; ".join([words, *others])


def list_files(path: Path) -> Listing:
    """List the files at a path or below it, in order of their names. Raises OSError."""
    path.stat()
    root, paths = (path, sorted(path.rglob("*"))) if path.is_dir() else (path.parent, [path])
    paths = [
        found
        for found in paths
        if not any(part.startswith(".") for part in found.relative_to(root).parts) and not found.is_dir()
    ]
    known = set(paths)
    files, passed_over = [], []
    for found in paths:
        reason = _why_not(found, root, known)
        if reason is None:
            files.append(found)
        elif reason:
            passed_over.append(PassedOver(found, reason))
    return Listing(files, passed_over)


def _why_not(path: Path, root: Path, known: set[Path]) -> str | None:
    """Say why a file is passed over; None if it is read, "" if nobody would expect that."""
    suffix = path.suffix.lower()
    if suffix in _DOCUMENTS or path.stem.lower().startswith(_PROSE):
        return ""
    if suffix not in SUFFIXES or (suffix in PACKED_SUFFIXES and not holds_csv(path)):
        return "passed over, files of this kind are not read"
    if suffix in PACKED_SUFFIXES and _unpacked(path) in known:
        return "passed over, for it is there unpacked"
    try:
        check_name(path.relative_to(root).parts)
    except BadFileError as error:
        return f"left out, {error}"
    return None


def _unpacked(path: Path) -> Path:
    return path.with_suffix(".csv") if path.suffix.lower() == ".zip" else path.with_suffix("")
