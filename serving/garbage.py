"""Garbage collection of a server: rare, because calls leave almost none."""

import gc

THRESHOLD = 50_000


def collect_seldom() -> None:
    """Makes the garbage collector skip objects that live for ever, and most of its rounds.

    A call leaves next to no cycles behind, but makes enough objects to have all of them looked at
    many times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD)
