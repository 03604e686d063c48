"""`python -m order_service`: runs the order service with the settings of the environment."""

import os
import sys

from order_service.config import from_environment
from serving.private_files import keep_private
from serving.start import StartError, collect_seldom


def main() -> int:
    """Runs the order service; returns the exit code."""
    try:
        keep_private()
        config = from_environment(os.environ)
        # Imported only now, so that a wrong setting is reported at once.
        import serving.loop
        from order_service.server import run

        collect_seldom()
        serving.loop.run(run(config))
    except StartError as error:
        print(f"holdfast: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
