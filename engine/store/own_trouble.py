"""Sees from beside a store of our own what is wrong: no room on its disk, and its last words.

A store that cannot write its append only file ends, and is started again: to those who ask it, it
is well, or silent, and never says why.
"""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from engine.store.directory import tail_of_log
from engine.store.reports import ADVICE

# A store whose disk has less room than this cannot write for long.
FREE_BYTES_MIN = 1_048_576
# Words in the log that are older than this are not about what is wrong now.
SAID_S_MAX = 60.0


def trouble_of_own_store(data_dir: str, *, answers: bool) -> str:
    """The trouble of the store of our own in a directory; "" if nothing can be seen.

    There is none in it where the directory has no log of one; "" names no directory. What its log
    says last counts only if it does not answer.
    """
    log = Path(data_dir, "store.log")
    if not data_dir or not log.exists():
        return ""
    with suppress(OSError):
        free_bytes = shutil.disk_usage(data_dir).free
        if free_bytes < FREE_BYTES_MIN:
            return (
                f"the store cannot write: the disk of {data_dir} has {free_bytes:,} bytes left. "
                "Free space on it"
            )
        if not answers and time.time() - log.stat().st_mtime < SAID_S_MAX:
            said = tail_of_log(log)
            for words, advice in ADVICE.items():
                if words in said:
                    return f"the store does not answer; {log} ends with {words!r}. {advice}"
    return ""
