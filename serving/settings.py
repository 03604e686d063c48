"""Settings: a struct whose fields are read from the environment, and how addresses are written.

A field `sweep_expire_ms` is set with HOLDFAST_SWEEP_EXPIRE_MS, or with a file that has its value
and is named by HOLDFAST_SWEEP_EXPIRE_MS_FILE. The text under it is what the docs print; a test
holds the tables in the docs against it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from serving.start import EXIT_USAGE, StartError

ENVIRONMENT_PREFIX = "HOLDFAST_"
IN_FILE = "_FILE"
"""NAME_FILE names a file with the value of NAME: for secrets, which the environment shows."""
PORT_MAX = 65_535

Ms = Annotated[int, Meta(ge=1, le=10**12)]
"""A duration in milliseconds."""
Address = Annotated[str, Meta(pattern=r"^.+:[0-9]{1,5}$")]
AddressOrNone = Annotated[str, Meta(pattern=r"^(.+:[0-9]{1,5})?$")]

Settings = TypeVar("Settings", bound=msgspec.Struct)


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings that every server has."""

    deadline_ms_max: Ms = 5_000
    """The longest a call may wait, whatever its own deadline."""
    drain_ms: Ms = 5_000
    """The longest that calls under way may take to end at SIGTERM."""
    reflection: bool = False
    """Whether gRPC reflection is on; `holdfast dev` turns it on."""
    log_level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$")] = "info"
    """debug, info, warning or error."""
    stop_with_stdin: bool = False
    """Whether to stop when standard input ends, as it does when the parent dies."""
    beat: bool = False
    """Whether to write an empty line on standard output every second, for a parent that watches."""


class ConfigError(StartError):
    """A setting that cannot be used; the message names it, its value and what it must be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, EXIT_USAGE)


def name_of(field: str) -> str:
    """The environment's name of a field."""
    return ENVIRONMENT_PREFIX + field.upper()


def settings_from(environment: Mapping[str, str], kind: type[Settings]) -> Settings:
    """The settings that the environment gives; an empty value is unset. Raises ConfigError."""
    names = {name_of(field): field for field in kind.__struct_fields__}
    given: dict[str, Any] = {}
    for name, value in environment.items():
        if name in names and value:
            given[names[name]] = value
        elif (of := name.removesuffix(IN_FILE)) != name and of in names and value:
            given.setdefault(names[of], _read(name, value))
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        field = path.rstrip("`")
        raise ConfigError(f"{name_of(field)}: {problem}; got {given.get(field)!r}") from error


def _read(name: str, path: str) -> str:
    """The value in a file, less white space around it. Raises ConfigError."""
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{name}: {error}") from error


def check_port(field: str, address: str) -> None:
    """Raises ConfigError if an address has a port that is none; "" is no address, and passes."""
    if address and host_and_port(address)[1] > PORT_MAX:
        raise ConfigError(f"{name_of(field)}: the port must be 0 to {PORT_MAX}; got {address!r}")


def host_and_port(address: str) -> tuple[str, int]:
    """`host:port` in its two parts."""
    host, _, port = address.rpartition(":")
    return host, int(port)
