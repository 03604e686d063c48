"""Becomes a command that ends when its owner does.

`ends_with_owner.py OWNER_PID SIGNAL LOCK_FILE COMMAND...` runs in the new process, before the
command. Linux sends it SIGNAL when its owner dies, so that the next owner finds no port and no file
taken; elsewhere the command sees its standard input end. With a LOCK_FILE no two such processes run
at once: the lock is the process's own, lasts through exec until it ends, and the file has its pid.

Why a program and not `preexec_fn`: that runs Python between fork and exec, in a copy of a process
whose other threads (gRPC has many) may have held any lock at that moment.
"""

import ctypes
import fcntl
import os
import sys

PR_SET_PDEATHSIG = 1


def lock(path: str) -> None:
    """Takes the lock for as long as this process lives.

    A POSIX record lock: it belongs to the pid, so a child of the command (a store has one that
    rewrites its log) does not have it, and it stays through exec, for which its descriptor must
    stay open.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another store has the directory: {path} is locked by it")
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    os.set_inheritable(descriptor, True)


def main() -> None:
    """Prepares this process, then replaces it with the command."""
    owner_pid, signal_number, lock_file, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(owner_pid):
        sys.exit(f"the process {owner_pid} that started this one has ended")
    if lock_file:
        lock(lock_file)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error}")


if __name__ == "__main__":
    main()
