"""`holdfast orders serve`: the command becomes the order service, by exec."""

import os
from pathlib import Path
from typing import NoReturn

from holdfast.cli.arguments import Port
from holdfast.cli.failures import USAGE, Failure, usage_failure
from holdfast.cli.server_commands import become, needed_programs, warn_of_password
from holdfast.cli.settings import check_ports, given, listening, port_of

LISTEN, LISTEN_DEFAULT = "HOLDFAST_ORDERS_LISTEN", "127.0.0.1:7610"
CALLBACKS_LISTEN, CALLBACKS_LISTEN_DEFAULT = "HOLDFAST_CALLBACKS_LISTEN", "127.0.0.1:7611"
ORDER_SERVICE = "order_service"


def serve(
    *,
    port: Port | None = None,
    host: str | None = None,
    callbacks_port: Port | None = None,
    database_url: str | None = None,
    data_dir: Path | None = None,
    target: str | None = None,
) -> NoReturn:
    """Runs the order service beside an engine's server.

    Providers, carriers and notifications are set up in the environment:
    docs/reference.md lists its variables.

    For example:
      holdfast orders serve --data-dir /var/lib/holdfast
      holdfast orders serve --database-url postgresql://orders@10.0.0.6/orders \\
        --target 10.0.0.5:7600

    Parameters
    ----------
    port
        Port to listen on; 0 takes a free one, which is printed [default: of the
        environment's HOLDFAST_ORDERS_LISTEN, else of 127.0.0.1:7610].
    host
        Address to listen on, for callbacks, too [default: as the ports].
    callbacks_port
        Port for callbacks of payment providers and carriers [default: of the
        environment's HOLDFAST_CALLBACKS_LISTEN, else of 127.0.0.1:7611].
    database_url
        The database [default: the environment's HOLDFAST_DATABASE_URL, or the
        content of the file HOLDFAST_DATABASE_URL_FILE: for a URL with a
        password, because everybody on this machine sees arguments; else a SQLite
        file in the data directory].
    data_dir
        Where that file is kept; made if it is not there [default: the
        environment's HOLDFAST_DATA_DIR].
    target
        HOST:PORT of the engine's server [default: the environment's
        HOLDFAST_TARGET, else 127.0.0.1:7600].
    """
    home = needed_programs("orders serve")
    environment = orders_environment(
        dict(os.environ), port, host, callbacks_port, database_url, data_dir, target
    )
    addresses = {
        "the order service": environment[LISTEN],
        "its callbacks": environment[CALLBACKS_LISTEN],
    }
    options = {"the order service": "--port", "its callbacks": "--callbacks-port"}
    check_ports({name: at for name, at in addresses.items() if port_of(at)}, options.__getitem__)
    make_data_dir(environment)
    become(ORDER_SERVICE, environment, home)


def orders_environment(
    environment: dict[str, str],
    port: int | None,
    host: str | None,
    callbacks_port: int | None,
    database_url: str | None,
    data_dir: Path | None,
    target: str | None,
) -> dict[str, str]:
    """The order service's environment. Failure if no database is named."""
    options = {
        "HOLDFAST_DATABASE_URL": database_url,
        "HOLDFAST_DATA_DIR": data_dir,
        "HOLDFAST_TARGET": target,
    }
    addresses = listening(environment, LISTEN, LISTEN_DEFAULT, host, port) | listening(
        environment, CALLBACKS_LISTEN, CALLBACKS_LISTEN_DEFAULT, host, callbacks_port
    )
    settings = environment | addresses | given(options)
    if database_url:
        warn_of_password("--database-url", database_url, "HOLDFAST_DATABASE_URL")
    names = ("HOLDFAST_DATABASE_URL", "HOLDFAST_DATABASE_URL_FILE", "HOLDFAST_DATA_DIR")
    if not any(settings.get(name) for name in names):
        raise usage_failure(
            "no database: give --database-url, or --data-dir to keep a SQLite file there, or set "
            "HOLDFAST_DATABASE_URL or HOLDFAST_DATA_DIR"
        )
    return settings


def make_data_dir(environment: dict[str, str]) -> None:
    """Makes the data directory, for this user alone, where it is needed. Raises Failure."""
    if environment.get("HOLDFAST_DATABASE_URL"):
        return
    directory = Path(environment["HOLDFAST_DATA_DIR"])
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            f"the data directory {directory} cannot be made: {error.strerror}. Name another with "
            "--data-dir or HOLDFAST_DATA_DIR",
            reason="DATA_DIR_UNUSABLE",
            exit_status=USAGE,
            details={"data_dir": str(directory)},
        ) from error
