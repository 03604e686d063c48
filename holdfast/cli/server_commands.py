"""`holdfast dev`, `serve` and `rehearse`: the command becomes the program, by exec."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from cyclopts import Parameter

from holdfast.cli.arguments import Count, Port
from holdfast.cli.failures import USAGE, Failure, usage_failure
from holdfast.cli.output import print_remark
from holdfast.cli.sandbox.access import keep_sandbox_access
from holdfast.cli.settings import check_ports, given, listening, next_free, port_of
from holdfast.programs import program_command, program_environment, programs_home

LISTEN, LISTEN_DEFAULT = "HOLDFAST_LISTEN", "127.0.0.1:7600"
REFLECTION = "HOLDFAST_REFLECTION"
DATA_DIR_DEFAULT = Path("holdfast-data")
# How far from the engine's port the others of `dev` are.
ORDERS_PORT_STEP, CALLBACKS_PORT_STEP, SANDBOX_PORT_STEP = 10, 11, 50
SERVER, DEV, REHEARSAL = "server", "serving.dev", "benchmarks.rehearse"
RESULTS_DEFAULT = Path("holdfast-rehearsal")


def dev(
    *,
    port: Port | None = None,
    data_dir: Path | None = None,
    workers: Count | None = None,
    metrics_listen: str | None = None,
    orders: bool = True,
) -> NoReturn:
    """Runs all of Holdfast on this machine, for development and small shops.

    That is the store, the engine's server, the order service, and a sandbox that
    plays payment provider and carrier. The data stays in the data directory and
    is there again at the next start. Where HOLDFAST_REDIS_URL is set and
    --data-dir is not given, that store is used instead; where
    HOLDFAST_DATABASE_URL is set, that database.

    For example:
      holdfast dev
      holdfast dev --no-orders
      holdfast dev --port 7700 --data-dir /var/lib/holdfast
      holdfast dev --workers 2 --metrics-listen 127.0.0.1:9464

    Parameters
    ----------
    port
        The server's port; 0 takes a free one, which is printed [default: of the
        environment's HOLDFAST_LISTEN, else of 127.0.0.1:7600]. The order service
        has the port 10 above it, its callbacks 11, the sandbox 50.
    data_dir
        Where all data is kept [default: the environment's HOLDFAST_DATA_DIR, else
        holdfast-data].
    workers
        Processes that share the port [default: the environment's
        HOLDFAST_WORKERS, else 1]. Connections are spread over them, not calls.
    metrics_listen
        Address and port of the Prometheus metrics, such as 127.0.0.1:9464
        [default: the environment's HOLDFAST_METRICS_LISTEN, else none].
    orders
        Run the order service and the sandbox, too.
    """
    home = needed_programs("dev")
    environment = dev_environment(dict(os.environ), port, data_dir)
    environment |= given_settings(workers, metrics_listen) | seen_settings(environment)
    whole = with_orders(environment, free_port) if orders else environment

    def addresses(port: int) -> dict[str, str]:
        moved = environment | listening(environment, LISTEN, LISTEN_DEFAULT, None, port)
        return dev_addresses(with_orders(moved, free_port) if orders else moved)

    check_ports(
        dev_addresses(whole), lambda _: f"--port {next_free(port_of(whole[LISTEN]), addresses)}"
    )
    if not orders:
        become(SERVER, whole, home)
    keep_sandbox_access(whole)
    become(DEV, whole, home)


def serve(
    *,
    port: Port | None = None,
    host: str | None = None,
    redis_url: str | None = None,
    workers: Count | None = None,
    metrics_listen: str | None = None,
) -> NoReturn:
    """Runs the server against a Redis or Valkey of your own.

    The store must keep every write (appendonly yes, appendfsync always,
    maxmemory-policy noeviction); the server says what to change if it does not.

    With several workers, SIGHUP replaces them one after another without losing
    a call, and SIGTERM drains them all.

    For example:
      holdfast serve --redis-url redis://10.0.0.5:6379
      HOLDFAST_REDIS_URL_FILE=/etc/holdfast/redis-url holdfast serve
      holdfast serve --workers 4 --metrics-listen 127.0.0.1:9464

    Parameters
    ----------
    port
        Port to listen on; 0 takes a free one, which is printed [default: of the
        environment's HOLDFAST_LISTEN, else of 127.0.0.1:7600].
    host
        Address to listen on [default: of HOLDFAST_LISTEN, as the port].
    redis_url
        The store [default: the environment's HOLDFAST_REDIS_URL, or the content
        of the file HOLDFAST_REDIS_URL_FILE: for a URL with a password, because
        everybody on this machine sees arguments].
    workers
        Processes that share the port [default: the environment's
        HOLDFAST_WORKERS, else 1]. Connections are spread over them, not calls.
    metrics_listen
        Address and port of the Prometheus metrics, such as 127.0.0.1:9464
        [default: the environment's HOLDFAST_METRICS_LISTEN, else none].
    """
    home = needed_programs("serve")
    environment = serve_environment(dict(os.environ), port, host, redis_url)
    environment |= given_settings(workers, metrics_listen) | seen_settings(environment)
    become(SERVER, environment, home)


def rehearse(*options: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> NoReturn:
    """Rehearses a flash sale, audits it, and says whether it went well.

    Starts a server with a store of its own, or takes the one at --target. Exit
    status 1 if a condition of the printed table does not hold. Tables and a page
    of curves are written to ./holdfast-rehearsal, unless --results names another
    directory.

    For example:
      holdfast rehearse
      holdfast rehearse --target 10.0.0.5:7600
      holdfast rehearse -- --help

    Parameters
    ----------
    options
        Options of the sale; `holdfast rehearse -- --help` lists them.
    """
    home = needed_programs("rehearse")
    if find_spec("locust") is None:
        raise _not_installed("rehearse", "Locust", "holdfast-server[rehearsal]")
    become(REHEARSAL, dict(os.environ), home, f"--results={RESULTS_DEFAULT}", *options)


def dev_environment(
    environment: dict[str, str], port: int | None, data_dir: Path | None
) -> dict[str, str]:
    """The server's environment for `dev`."""
    settings = listening(environment, LISTEN, LISTEN_DEFAULT, None, port)
    settings[REFLECTION] = environment.get(REFLECTION) or "true"
    if environment.get("HOLDFAST_REDIS_URL") and data_dir is None:
        return environment | settings
    kept = {name: value for name, value in environment.items() if name != "HOLDFAST_REDIS_URL"}
    directory = data_dir or environment.get("HOLDFAST_DATA_DIR") or DATA_DIR_DEFAULT
    return kept | settings | {"HOLDFAST_DATA_DIR": str(directory)}


def with_orders(environment: dict[str, str], free_port: Callable[[], int]) -> dict[str, str]:
    """The environment of `dev` with the order service and the sandbox beside the engine.

    What the environment says of them already is kept.
    """
    import base64
    import secrets

    port = port_of(environment.get(LISTEN) or LISTEN_DEFAULT)

    def address(step: int) -> str:
        return f"127.0.0.1:{port + step if port else free_port()}"

    secret = base64.b64encode(secrets.token_bytes(24)).decode()
    data_dir = environment.get("HOLDFAST_DATA_DIR") or str(DATA_DIR_DEFAULT)
    settings = {
        "HOLDFAST_DATA_DIR": data_dir,
        "HOLDFAST_ORDERS_LISTEN": address(ORDERS_PORT_STEP),
        "HOLDFAST_CALLBACKS_LISTEN": address(CALLBACKS_PORT_STEP),
        "HOLDFAST_SANDBOX_URL": f"http://{address(SANDBOX_PORT_STEP)}",
        "HOLDFAST_SANDBOX_API_KEY": secrets.token_urlsafe(18),
        "HOLDFAST_SANDBOX_SECRETS": f"whsec_{secret}",
        "HOLDFAST_NOTIFY_FILE": str(Path(data_dir, "notifications.jsonl")),
    }
    return settings | {name: value for name, value in environment.items() if value}


def dev_addresses(environment: Mapping[str, str]) -> dict[str, str]:
    """The addresses that the parts of `dev` listen on, by the parts' names; free ports aside."""
    sandbox = environment.get("HOLDFAST_SANDBOX_URL", "")
    addresses = {
        "the engine": environment[LISTEN],
        "the order service": environment.get("HOLDFAST_ORDERS_LISTEN", ""),
        "the order service's callbacks": environment.get("HOLDFAST_CALLBACKS_LISTEN", ""),
        "the sandbox": urlsplit(sandbox).netloc,
        "the engine's metrics": environment.get("HOLDFAST_METRICS_LISTEN", ""),
        "the order service's metrics": environment.get("HOLDFAST_ORDERS_METRICS_LISTEN", ""),
    }
    return {name: address for name, address in addresses.items() if port_of(address)}


def free_port() -> int:
    """A port of this machine that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def serve_environment(
    environment: dict[str, str], port: int | None, host: str | None, redis_url: str | None
) -> dict[str, str]:
    """The server's environment for `serve`. Failure if no store is named."""
    if redis_url:
        warn_of_password("--redis-url", redis_url, "HOLDFAST_REDIS_URL")
        environment = environment | {"HOLDFAST_REDIS_URL": redis_url}
    if not any(environment.get(name) for name in ("HOLDFAST_REDIS_URL", "HOLDFAST_REDIS_URL_FILE")):
        raise usage_failure(
            "no store: give --redis-url, or set HOLDFAST_REDIS_URL or HOLDFAST_REDIS_URL_FILE. For "
            "a store of its own on this machine use `holdfast dev`"
        )
    return environment | listening(environment, LISTEN, LISTEN_DEFAULT, host, port)


def warn_of_password(option: str, url: str, setting: str) -> None:
    """Warns of a URL with a password that was given as an argument."""
    if urlsplit(url).password:
        print_remark(
            f"{option} has a password, which everybody on this machine can see (ps): set {setting} "
            f"instead, or {setting}_FILE to a file that only you can read"
        )


def seen_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Where the server of a store that is not its own remembers how far it has seen the store.

    In the data directory beside which the command is run, unless the environment names a place, or
    nothing can be written there.
    """
    if environment.get("HOLDFAST_SEEN_DIR") or environment.get("HOLDFAST_DATA_DIR"):
        return {}
    place = DATA_DIR_DEFAULT if DATA_DIR_DEFAULT.exists() else DATA_DIR_DEFAULT.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return {}
    return {"HOLDFAST_SEEN_DIR": str(DATA_DIR_DEFAULT.absolute() / "seen")}


def given_settings(workers: int | None, metrics_listen: str | None) -> dict[str, str]:
    """The server's settings that options of both `dev` and `serve` give."""
    return given({"HOLDFAST_WORKERS": workers, "HOLDFAST_METRICS_LISTEN": metrics_listen})


def needed_programs(command: str) -> Path:
    """The folder of the programs that `holdfast COMMAND` runs. Failure if they are not here."""
    home = programs_home()
    if home is None:
        raise _not_installed(command, "the servers", "holdfast-server")
    return home


def become(module: str, environment: Mapping[str, str], home: Path, *arguments: str) -> NoReturn:
    """Replaces this process by a program."""
    sys.stdout.flush()
    command = program_command(module, *arguments)
    os.execve(command[0], command, program_environment(environment, home))


def _not_installed(command: str, needed: str, distribution: str) -> Failure:
    from holdfast import __version__

    return Failure(
        f"`holdfast {command}` needs {needed}, which this environment does not have: "
        f"pip install '{distribution}=={__version__}'",
        reason="NOT_INSTALLED",
        exit_status=USAGE,
    )
