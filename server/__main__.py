"""`python -m server`: runs the engine's server with the settings of the environment.

With more than one worker this process is their supervisor, which starts each as
`python -m server --worker NUMBER`.
"""

import asyncio
import os
import sys
from pathlib import Path

from server.config import Config, from_environment
from serving.private_files import keep_private, private_directory
from serving.start import StartError, collect_seldom


def main() -> int:
    """Runs the server; returns the exit code."""
    try:
        keep_private()
        config = from_environment(os.environ)
        if config.data_dir:
            private_directory(Path(config.data_dir))
        worker = int(sys.argv[2]) if sys.argv[1:2] == ["--worker"] else None
        if worker is None and config.workers > 1:
            _run_supervisor(config)
        else:
            _run_server(config, worker)
    except StartError as error:
        print(f"holdfast: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _run_supervisor(config: Config) -> None:
    # Imported only here: it starts processes, and does so without gRPC and its threads.
    from server.supervisor import supervise

    asyncio.run(supervise(config, os.environ))


def _run_server(config: Config, worker: int | None) -> None:
    import serving.loop
    from server.server import run, run_worker

    collect_seldom()
    serving.loop.run(run(config) if worker is None else run_worker(config, worker))


if __name__ == "__main__":
    sys.exit(main())
