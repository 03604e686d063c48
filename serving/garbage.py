"""How seldom a server looks for garbage."""

import gc

THRESHOLD = 50_000


def collect_seldom() -> None:
    """Spares the garbage collector what lives for ever, and most of its rounds.

    A call leaves next to no cycles behind, but makes enough objects to have all of them looked at
    many times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD)
