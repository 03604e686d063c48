"""A rehearsal in Locust: opens the sale, watches it, closes it, and decides the exit code.

In a distributed run the master does all that; a worker gets the sale with its first spawn message
and sends its books along with its statistics.
"""

import logging
import secrets
import time
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import LoadTestShape
from locust.env import Environment
from locust.runners import (
    STATE_INIT,
    STATE_RUNNING,
    STATE_SPAWNING,
    WORKER_REPORT_INTERVAL,
    MasterRunner,
    WorkerRunner,
)

from benchmarks.flash_sale import sale as sales
from benchmarks.flash_sale.books import Books
from benchmarks.flash_sale.closing import close, count_units
from benchmarks.flash_sale.gate import LoadSeen, Row, Seen, passed, table
from benchmarks.flash_sale.options import Settings, checked_target, settings_from
from benchmarks.flash_sale.sale import phase_at
from benchmarks.flash_sale.users import REQUEST_TYPE, Shop, Shopper
from holdfast.errors import HoldfastError
from holdfast.sync_client import SyncClient
from holdfast.types import AuditFinding, AuditSummary

WATCH_S = 2.0
AUDIT_EVERY_S = 6.0
CONNECT_TIMEOUT_MS = 5_000
AUDIT_TIMEOUT_MS = 60_000
CONNECTIONS = 4
"""Connections of a process, as an order service has them: shared by all of its users."""
FINDINGS_KEPT_MAX = 100
SALE = "flash_sale"
"""The name under which the sale travels among the options that Locust sends to its workers."""

log = logging.getLogger("flash sale")


class NotServingError(Exception):
    """The engine cannot be reached or does not serve; the message says why and what to do."""


class Rehearsal:
    """The rehearsal of one Locust process; it may be run again and again."""

    def __init__(self, environment: Environment) -> None:
        self.sale: sales.Sale | None = None
        self.seen = Seen()
        self._findings: tuple[str, ...] = ()
        self._environment = environment
        self._settings = Settings()
        self._books = Books()
        self._clients: list[SyncClient] = []
        self._begun_at_s = 0.0
        self._over = False

    # Before and while it runs

    def prepare(self, options: dict[str, Any], host: str) -> None:
        """Makes the next run's stock. Raises OptionError, NotServingError."""
        settings, target = settings_from(options), checked_target(host)
        self._connect(target)
        sale = sales.sale_of(settings, secrets.token_hex(4))
        client = self._clients[0]
        try:
            trouble = client.get_status(timeout_ms=CONNECT_TIMEOUT_MS).trouble
            if trouble:
                raise NotServingError(f"the Holdfast at {target} does not serve: {trouble}")
            for sku in sale.skus:
                client.set_stock(
                    sku, sale.stock, limit_per_buyer=sale.limit_per_buyer, tenant=sale.tenant
                )
        except HoldfastError as error:
            raise NotServingError(
                f"no Holdfast serves at {target} ({error.message}). `holdfast dev` starts one; "
                "--host says where another is"
            ) from error
        self._settings, self.sale = settings, sale

    def begin(self) -> None:
        """Starts the clock of the prepared sale, or on a worker takes the sale from the master."""
        runner, options = self._environment.runner, vars(self._environment.parsed_options)
        self._books = Books()
        if isinstance(runner, WorkerRunner):
            self.sale = sales.from_message(options[SALE])
            self._connect(str(self._environment.host))
        else:
            assert self.sale is not None, "prepared before the start"
            self._begun_at_s = time.time()
            self.sale = self.sale._replace(opens_at_s=self._begun_at_s + self._settings.gather_s)
            options[SALE] = sales.to_message(self.sale)
            self._environment.stop_timeout = self.sale.visit_s_max
            self.seen, self._findings, self._over = Seen(), (), False
            gevent.spawn(self._watch, self.sale)
        process = getattr(runner, "worker_index", 0)
        Shopper.shop = Shop(self.sale, self._clients, process, self._books)

    def tick(self, run_time_s: float) -> tuple[int, float] | None:
        """The number of users there should be, and how fast they come; None when all is done."""
        if self._over:
            return None
        phase = phase_at(self._settings, run_time_s)
        return phase.users, phase.users_per_s

    # What processes tell each other

    def report(self, data: dict[str, Any]) -> None:
        """Puts a worker's books into a report to the master."""
        if self.sale is not None:
            data[SALE] = {"run": self.sale.run, "books": self._books.to_message()}
            Shopper.shop.books = self._books = Books()

    def take_report(self, data: dict[str, Any]) -> None:
        """Adds the books of a worker; what comes late from an earlier run is left out."""
        report = data.get(SALE)
        if report and self.sale is not None and report["run"] == self.sale.run:
            self._books.add(report["books"])

    # What is seen

    def rows(self) -> list[Row]:
        """The account of the run so far, and its conditions."""
        return table(self.seen, self._load(), self._settings.slo_p99_ms)

    @property
    def findings(self) -> tuple[str, ...]:
        """The problems found, a sentence each."""
        problem = self.seen.problem
        return (f"the sale could not be looked at: {problem}",) * bool(problem) + self._findings

    def passed(self) -> bool:
        """Whether every condition holds."""
        return passed(self.rows())

    def _load(self) -> LoadSeen:
        stats = self._environment.stats
        accepted = stats.get("Reserve", REQUEST_TYPE)
        return LoadSeen(
            accepted.num_requests,
            stats.get("Reserve refused", REQUEST_TYPE).num_requests,
            accepted.get_response_time_percentile(0.99),
            stats.total.num_failures,
            len(self._environment.runner.exceptions) if self._environment.runner else 0,
        )

    def _watch(self, sale: sales.Sale) -> None:
        try:
            self._follow(sale)
        finally:  # the shape waits for this
            if self._is_running(sale):
                self._over = True

    def _follow(self, sale: sales.Sale) -> None:
        """Looks at the sale every other second, and closes it when nobody is there any more."""
        audited_at_s = time.monotonic()
        while self._is_running(sale):
            time.sleep(WATCH_S)
            try:
                self.seen = self.seen._replace(counts=count_units(self._clients[0], sale))
                if self._all_have_left():
                    self._close(sale)
                    return
                if time.monotonic() - audited_at_s > AUDIT_EVERY_S:
                    self._audit(sale)
                    audited_at_s = time.monotonic()
            except HoldfastError as error:
                self.seen = self.seen._replace(problem=error.message)
                if self._all_have_left():
                    return
            self._tell_progress()

    def _is_running(self, sale: sales.Sale) -> bool:
        """Whether it is this sale that runs: not stopped by hand, not followed by another."""
        runner = self._environment.runner
        assert runner is not None
        same = self.sale is not None and self.sale.run == sale.run
        return same and runner.state in (STATE_INIT, STATE_SPAWNING, STATE_RUNNING)

    def _all_have_left(self) -> bool:
        runner = self._environment.runner
        run_time_s = time.time() - self._begun_at_s
        closing = phase_at(self._settings, run_time_s).users == 0
        return closing and runner is not None and runner.user_count == 0

    def _close(self, sale: sales.Sale) -> None:
        log.info("Closing the sale: last deadlines, last call, audit")
        if isinstance(self._environment.runner, MasterRunner):
            time.sleep(WORKER_REPORT_INTERVAL + 1)  # the last books are under way
        closing = close(self._clients[0], sale, self._books)
        self._audit(sale)
        self._findings += tuple(closing.contradictions[:FINDINGS_KEPT_MAX])
        self.seen = self.seen._replace(counts=closing.counts, closing=closing, problem="")
        if self._environment.web_ui is not None:
            time.sleep(2 * WATCH_S)  # the page asks while the test runs: let it have the verdict

    def _audit(self, sale: sales.Sale) -> None:
        """Streams the engine's own audit of the tenant."""
        findings: list[str] = []
        summary = None
        for event in self._clients[0].audit(tenant=sale.tenant, timeout_ms=AUDIT_TIMEOUT_MS):
            if isinstance(event, AuditFinding) and len(findings) < FINDINGS_KEPT_MAX:
                findings.append(f"{event.invariant}, {event.row}: {event.detail}")
            elif isinstance(event, AuditSummary):
                summary = event
        self._findings = tuple(findings)
        self.seen = self.seen._replace(audit=summary)

    def _tell_progress(self) -> None:
        stats, load = self._environment.stats, self._load()
        run_time_s = time.time() - self._begun_at_s
        runner = self._environment.runner
        log.info(
            "%3.0f s %-7s %4d users %6.0f calls/s | Reserve: %s accepted, %s refused, p99 %g ms | "
            "%s of %s units sold, %s reserved | %d errors",
            run_time_s,
            phase_at(self._settings, run_time_s).name,
            runner.user_count if runner else 0,
            stats.total.current_rps,
            f"{load.accepted:,}",
            f"{load.refused:,}",
            load.p99_ms,
            f"{sum(count.sold for count in self.seen.counts):,}",
            f"{sum(count.start for count in self.seen.counts):,}",
            f"{sum(count.reserved for count in self.seen.counts):,}",
            load.errors,
        )

    def _connect(self, target: str) -> None:
        for client in self._clients:
            client.close()
        self._clients = [SyncClient(target) for _ in range(CONNECTIONS)]


class FlashSaleShape(LoadTestShape):
    """Follows the phases of the plan, and ends when the sale is closed.

    Locust asks once a second, too seldom for a burst: users who are there before T-0 wait for it
    by themselves and shop in the same instant.
    """

    rehearsal: Rehearsal

    def tick(self) -> tuple[int, float] | None:
        """Users and users a second from now on; None when the rehearsal is over."""
        run_time_s: float = self.get_run_time()  # type: ignore[no-untyped-call]
        return self.rehearsal.tick(run_time_s)
