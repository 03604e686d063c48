"""The shape of a flash sale for Locust: how many users there are in each second."""

from typing import TYPE_CHECKING

from locust import LoadTestShape

if TYPE_CHECKING:
    from benchmarks.flash_sale.rehearsal import Rehearsal


class FlashSaleShape(LoadTestShape):
    """Follows the phases of the plan, and ends when the sale is closed.

    Locust asks once a second, too seldom for a burst: users who are there before T-0 wait for it
    by themselves and shop in the same instant.
    """

    rehearsal: "Rehearsal"

    def tick(self) -> tuple[int, float] | None:
        """Users and users a second from now on; None when the rehearsal is over."""
        run_time_s: float = self.get_run_time()  # type: ignore[no-untyped-call]
        return self.rehearsal.tick(run_time_s)
