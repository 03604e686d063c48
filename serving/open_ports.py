"""Warns of ports that can be reached from other machines: none of them asks for a password."""

import ipaddress
import sys
from typing import Final

import structlog

from serving.settings import host_and_port

OPEN: Final = "A PORT IS OPEN TO THE NETWORK"

log = structlog.get_logger()


def is_open(address: str) -> bool:
    """Whether an address, `host:port`, can be reached from other machines."""
    host = host_and_port(address)[0].strip("[]")
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def warn_if_open(setting: str, address: str, about: str) -> None:
    """Says loudly what whoever reaches an open port may do; "" is no address."""
    if not address or not is_open(address):
        return
    about = (
        f"whoever reaches it {about}, and is asked for no password; let only your own machines "
        "reach it (a firewall, a proxy with TLS), or listen on 127.0.0.1"
    )
    if structlog.is_configured():
        log.warning(OPEN, setting=setting, address=address, about=about)
    else:  # a process without a log
        print(f"holdfast: {OPEN}: {setting} {address}: {about}", file=sys.stderr)
