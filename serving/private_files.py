"""Files that only their owner reads: databases, books and logs have names, phones and streets."""

import os
import stat
import sys
from pathlib import Path
from typing import Final

import structlog

from serving.start import StartError

log = structlog.get_logger()

MENDED: Final = "it could be read by others, and is private now"
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def keep_private() -> None:
    """Lets this process make no file or directory that others can read or enter."""
    os.umask(OTHERS)


def private_file(path: Path) -> None:
    """Makes a file that only its owner reads, or mends one that others can. Raises StartError."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StartError(f"{path} cannot be written: {error.strerror}") from error
    mend(path)


def private_directory(path: Path) -> Path:
    """Makes a directory that only its owner enters, or mends one that others can.

    One that is meant for everybody, such as /tmp, stays as it is. Raises StartError.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"the directory {path} cannot be made: {error.strerror}") from error
    if not path.stat().st_mode & stat.S_ISVTX:
        mend(path)
    return path


def mend(path: Path) -> None:
    """Takes away what others may do with a file that is there. Raises StartError if it cannot."""
    if not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & OTHERS:
        return
    try:
        path.chmod(mode & ~OTHERS)
    except OSError as error:
        raise StartError(
            f"{path} can be read by others (mode {mode:04o}), and has personal data; mend it with: "
            f"chmod go= {path}"
        ) from error
    if structlog.is_configured():
        log.warning(MENDED, path=str(path))
    else:  # before the process has a log, whose default would be its standard output
        print(f"holdfast: {path}: {MENDED}", file=sys.stderr)
