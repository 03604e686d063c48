"""Becomes a command that dies when its owner does: `ends_with_owner.py OWNER_PID COMMAND...`.

Runs in the new process, before the command. Linux kills it then at once, so that whoever starts
anew finds no port and no file taken; elsewhere the command sees its standard input end.

Why a program and not `preexec_fn`: that runs Python between fork and exec, in a copy of a process
whose other threads may have held any lock at that moment.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Prepares this process, then replaces it with the command."""
    owner_pid, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(owner_pid):
        sys.exit(f"the process {owner_pid} that started this one has ended")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
