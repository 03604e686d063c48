"""How a command that becomes a server is set: an option, else its setting, else the default.

The environment that the server is started with has them all; it knows of no options.
"""

import errno
import socket
from collections.abc import Callable, Mapping

from holdfast.cli.failures import Failure

PORT_STEP = 100
"""How far from a port that is taken another one is offered."""
OFFERS_MAX = 50


def given(options: Mapping[str, object]) -> dict[str, str]:
    """The settings that options give; what is not given is left to the environment."""
    return {name: str(value) for name, value in options.items() if value is not None}


def listening(
    environment: Mapping[str, str], setting: str, default: str, host: str | None, port: int | None
) -> dict[str, str]:
    """The setting of an address: of host and port what is given, the rest as it is set already."""
    known = environment.get(setting) or default
    known_host, _, known_port = known.rpartition(":")
    at = known_host if host is None else f"[{host}]" if ":" in host else host
    return {setting: f"{at}:{known_port if port is None else port}"}


def port_of(address: str) -> int:
    """The port of HOST:PORT; 0 where it has none, for the server to complain about."""
    port = address.rpartition(":")[2]
    return int(port) if port.isascii() and port.isdecimal() else 0


def check_ports(addresses: Mapping[str, str], way_out: Callable[[str], str]) -> None:
    """Raises a Failure for the first address that another program has, with the way out.

    `addresses` are by what is to listen there, and so is the `way_out`: options that help.
    """
    for name, address in addresses.items():
        if not is_free(address):
            raise Failure(
                f"{address}, the address of {name}, is taken: another program listens there, "
                f"perhaps another Holdfast. Stop it, or take another port: {way_out(name)}",
                reason="PORT_TAKEN",
                details={"part": name, "address": address},
            )


def next_free(port: int, addresses: Callable[[int], Mapping[str, str]]) -> int:
    """The next port, some way on, with which all of its `addresses` are free; else `port`."""
    others = (port + PORT_STEP * step for step in range(1, OFFERS_MAX))
    return next((it for it in others if all(map(is_free, addresses(it).values()))), port)


def is_free(address: str) -> bool:
    """Whether nobody listens on HOST:PORT; an address that is not this machine's counts as free."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, int(port)))
        except (OSError, ValueError, OverflowError) as error:
            return not (isinstance(error, OSError) and error.errno == errno.EADDRINUSE)
    return True
