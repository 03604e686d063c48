"""`holdfast dev` and `holdfast serve`: the command becomes the server, by exec."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from holdfast.cli.arguments import Port, Workers
from holdfast.cli.failures import USAGE, Failure

PORT_DEFAULT = 7600
DATA_DIR_DEFAULT = Path("holdfast-data")


def dev(
    *,
    port: Port = PORT_DEFAULT,
    data_dir: Path | None = None,
    workers: Workers | None = None,
    metrics_listen: str | None = None,
) -> NoReturn:
    """Runs store and server on this machine, for development and small shops.

    The data stays in the data directory and is there again at the next start.
    Where HOLDFAST_REDIS_URL is set and --data-dir is not given, that store is
    used instead.

    For example:
      holdfast dev
      holdfast dev --port 7700 --data-dir /var/lib/holdfast
      holdfast dev --workers 2 --metrics-listen 127.0.0.1:9464

    Parameters
    ----------
    port
        Port on 127.0.0.1; 0 takes a free one, which is printed.
    data_dir
        Where the store keeps its data [default: the environment's
        HOLDFAST_DATA_DIR, else holdfast-data].
    workers
        Processes that share the port [default: the environment's
        HOLDFAST_WORKERS, else 1]. Connections are spread over them, not calls.
    metrics_listen
        Address and port of the Prometheus metrics, such as 127.0.0.1:9464
        [default: the environment's HOLDFAST_METRICS_LISTEN, else none].
    """
    environment = dev_environment(dict(os.environ), port, data_dir)
    _become_server(environment | given_settings(workers, metrics_listen))


def serve(
    *,
    port: Port = PORT_DEFAULT,
    host: str = "127.0.0.1",
    redis_url: str | None = None,
    workers: Workers | None = None,
    metrics_listen: str | None = None,
) -> NoReturn:
    """Runs the server against a Redis or Valkey of your own.

    The store must keep every write (appendonly yes, appendfsync always,
    maxmemory-policy noeviction); the server says what to change if it does not.

    With several workers, SIGHUP replaces them one after another without losing
    a call, and SIGTERM drains them all.

    For example:
      holdfast serve --redis-url redis://10.0.0.5:6379
      HOLDFAST_REDIS_URL=redis://10.0.0.5:6379 holdfast serve --host 0.0.0.0
      holdfast serve --workers 4 --metrics-listen 127.0.0.1:9464

    Parameters
    ----------
    port
        Port to listen on; 0 takes a free one, which is printed.
    host
        Address to listen on.
    redis_url
        The store [default: the environment's HOLDFAST_REDIS_URL].
    workers
        Processes that share the port [default: the environment's
        HOLDFAST_WORKERS, else 1]. Connections are spread over them, not calls.
    metrics_listen
        Address and port of the Prometheus metrics, such as 127.0.0.1:9464
        [default: the environment's HOLDFAST_METRICS_LISTEN, else none].
    """
    environment = serve_environment(dict(os.environ), port, host, redis_url)
    _become_server(environment | given_settings(workers, metrics_listen))


def dev_environment(
    environment: dict[str, str], port: int, data_dir: Path | None
) -> dict[str, str]:
    """The server's environment for `dev`."""
    settings = {"HOLDFAST_LISTEN": f"127.0.0.1:{port}", "HOLDFAST_REFLECTION": "true"}
    if environment.get("HOLDFAST_REDIS_URL") and data_dir is None:
        return environment | settings
    kept = {name: value for name, value in environment.items() if name != "HOLDFAST_REDIS_URL"}
    directory = data_dir or environment.get("HOLDFAST_DATA_DIR") or DATA_DIR_DEFAULT
    return kept | settings | {"HOLDFAST_DATA_DIR": str(directory)}


def serve_environment(
    environment: dict[str, str], port: int, host: str, redis_url: str | None
) -> dict[str, str]:
    """The server's environment for `serve`. Failure if no store is named."""
    url = redis_url or environment.get("HOLDFAST_REDIS_URL")
    if not url:
        raise Failure(
            "no store: give --redis-url or set HOLDFAST_REDIS_URL. For a store of its own on this "
            "machine use `holdfast dev`",
            reason="USAGE",
            exit_status=USAGE,
        )
    address = f"[{host}]" if ":" in host else host
    settings = {"HOLDFAST_LISTEN": f"{address}:{port}", "HOLDFAST_REDIS_URL": url}
    return environment | settings


def given_settings(workers: int | None, metrics_listen: str | None) -> dict[str, str]:
    """The server's settings that options give; what is not given is left to the environment."""
    options = {"HOLDFAST_WORKERS": workers, "HOLDFAST_METRICS_LISTEN": metrics_listen}
    return {name: str(value) for name, value in options.items() if value is not None}


def _become_server(environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    # -P: a file or directory named `server` where the command is run must not be taken for ours.
    os.execve(sys.executable, [sys.executable, "-P", "-m", "server"], environment)
