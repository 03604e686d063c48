"""Keeps a port for the workers of one supervisor, and every other server off it.

Workers listen on one port with SO_REUSEPORT, with which any server of the same user may join them
and silently take a share of the connections. So the supervisor first takes the port as a lone
server would, which fails if any process has it; then it keeps a socket on the port that never
listens. Linux lets another socket join only if it asks for SO_REUSEPORT, as our workers do. A lone
server and another supervisor ask to be alone, and are refused, even while no worker is alive.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from serving.start import StartError

SETTING = "HOLDFAST_LISTEN"


@contextmanager
def kept_port(host: str, port: int) -> Iterator[int]:
    """The port, kept while the context lasts; 0 picks a free one. Raises StartError."""
    with ExitStack() as guards:
        try:
            for family, address in _addresses(host, port):
                guard = guards.enter_context(_guard(family, (address[0], port, *address[2:])))
                port = guard.getsockname()[1]
        except OSError as error:
            raise StartError.cannot_listen(SETTING, f"{host}:{port}") from error
        yield port


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    """The addresses of a host, each with its family."""
    found = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _guard(family: socket.AddressFamily, address: Any) -> socket.socket:
    """A socket on the address that never listens. OSError if anybody else has the address."""
    guard = socket.socket(family)
    try:
        with socket.socket(family) as alone:
            # Connections of an earlier server in TIME_WAIT do not count.
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(address)
            alone.listen(0)
            # From here on the port is ours; the guard takes its place before it closes.
            for reuse in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                guard.setsockopt(socket.SOL_SOCKET, reuse, 1)
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            guard.bind(alone.getsockname())
            guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError:
        guard.close()
        raise
    return guard
