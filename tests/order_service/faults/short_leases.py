"""`python -m tests.order_service.faults.short_leases`: an order service whose leases end soon, so
that no test has to wait for those of a dead one.
"""

import sys

from order_service.storage import tasks

LEASE_MS, SKEW_MS = 1_500, 200

if __name__ == "__main__":
    # Set before the modules that import these two are loaded.
    tasks.LEASE_MS, tasks.SKEW_MS = LEASE_MS, SKEW_MS
    from order_service.__main__ import main

    sys.exit(main())
