"""`holdfast orders serve`: the command becomes the order service, by exec."""

import os
from pathlib import Path
from typing import NoReturn

from holdfast.cli.arguments import Port
from holdfast.cli.failures import usage_failure
from holdfast.cli.server_commands import become, needed_programs

PORT_DEFAULT = 7610
CALLBACKS_PORT_DEFAULT = 7611
ORDER_SERVICE = "order_service"


def serve(
    *,
    port: Port = PORT_DEFAULT,
    host: str = "127.0.0.1",
    callbacks_port: Port = CALLBACKS_PORT_DEFAULT,
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
        Port to listen on; 0 takes a free one, which is printed.
    host
        Address to listen on.
    callbacks_port
        Port for callbacks of payment providers and carriers.
    database_url
        The database [default: the environment's HOLDFAST_DATABASE_URL, else a
        SQLite file in the data directory].
    data_dir
        Where that file is kept [default: the environment's HOLDFAST_DATA_DIR].
    target
        HOST:PORT of the engine's server [default: the environment's
        HOLDFAST_TARGET, else 127.0.0.1:7600].
    """
    home = needed_programs("orders serve")
    environment = orders_environment(
        dict(os.environ), port, host, callbacks_port, database_url, data_dir, target
    )
    become(ORDER_SERVICE, environment, home)


def orders_environment(
    environment: dict[str, str],
    port: int,
    host: str,
    callbacks_port: int,
    database_url: str | None,
    data_dir: Path | None,
    target: str | None,
) -> dict[str, str]:
    """The order service's environment. Failure if no database is named."""
    address = f"[{host}]" if ":" in host else host
    options = {
        "HOLDFAST_ORDERS_LISTEN": f"{address}:{port}",
        "HOLDFAST_CALLBACKS_LISTEN": f"{address}:{callbacks_port}",
        "HOLDFAST_DATABASE_URL": database_url,
        "HOLDFAST_DATA_DIR": data_dir,
        "HOLDFAST_TARGET": target,
    }
    given = {name: str(value) for name, value in options.items() if value is not None}
    settings = environment | given
    if not settings.get("HOLDFAST_DATABASE_URL") and not settings.get("HOLDFAST_DATA_DIR"):
        raise usage_failure(
            "no database: give --database-url, or --data-dir to keep a SQLite file there, or set "
            "HOLDFAST_DATABASE_URL or HOLDFAST_DATA_DIR"
        )
    return settings
