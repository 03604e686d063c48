"""Becomes the store: `python -I -S exec_shim.py OWNER_PID LOCK_FILE BINARY ARGUMENT...`.

Runs in the new process, before the store, and makes sure of two things. The store ends when its
owner does. No two stores ever write to one directory: the lock on LOCK_FILE is the process's own,
lasts through exec until it ends, and the file holds its pid.

Why a program and not `preexec_fn`: that runs Python between fork and exec, in a copy of a process
whose other threads (gRPC has many) may have held any lock at that moment.
"""

import ctypes
import fcntl
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with(owner_pid: int) -> None:
    """Ask the kernel for a SIGTERM when the owner dies, which Linux alone can do.

    Elsewhere, the next owner of the directory finds the orphan by its lock.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != owner_pid:
        sys.exit(f"the process {owner_pid} that started the store has ended")


def lock(path: str) -> None:
    """Take the lock for as long as this process lives.

    A POSIX record lock: it belongs to the pid, so a child of the store that rewrites the append
    only file does not have it, and it stays through exec, for which its descriptor must stay open.
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
    """Prepare this process, then replace it with the store."""
    owner_pid, lock_path, binary, *arguments = sys.argv[1:]
    end_with(int(owner_pid))
    os.umask(0o077)
    lock(lock_path)
    try:
        os.execv(binary, [binary, *arguments])
    except OSError as error:
        sys.exit(f"cannot run {binary}: {error}")


if __name__ == "__main__":
    main()
