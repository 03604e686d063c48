"""The start of a process that serves, and how one that cannot start ends."""

import gc

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_STORE_UNREACHABLE = 3
GARBAGE_THRESHOLD = 50_000


class StartError(Exception):
    """The process did not start; the message says why and what to do, `exit_code` how it ends."""

    def __init__(self, message: str, exit_code: int = EXIT_REFUSED) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    @classmethod
    def cannot_listen(cls, setting: str, address: str) -> "StartError":
        """The error of an address that is taken, or not this machine's."""
        return cls(
            f"{setting}: cannot listen on {address}; another server may have the port. Stop it or "
            "choose another port"
        )


def collect_seldom() -> None:
    """Makes the garbage collector skip objects that live for ever, and most of its rounds.

    A call leaves next to no cycles behind, but makes enough objects to have all of them looked at
    many times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
