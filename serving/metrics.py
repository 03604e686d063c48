"""The kinds of metrics, the metrics of gRPC calls, and the endpoint that Prometheus asks."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Thread
from typing import Any, ClassVar, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    make_wsgi_app,
)

from serving.open_ports import warn_if_open
from serving.settings import host_and_port
from serving.start import StartError

log = structlog.get_logger()

REQUEST_S_MAX: Final = 10.0
REQUESTS_MAX: Final = 16
_CALL_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


@dataclass(frozen=True)
class Metric:
    """A row of the table of metrics: its name, help and labels, as Prometheus shows them."""

    type: ClassVar[str]
    name: str
    help: str
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class CounterMetric(Metric):
    """A count that only goes up."""

    type = "counter"

    def made(self, registry: CollectorRegistry) -> Counter:
        """The counter, at 0."""
        return Counter(self.name, self.help, self.labels, registry=registry)


@dataclass(frozen=True)
class GaugeMetric(Metric):
    """A value of now; with workers, the sum over those that are alive."""

    type = "gauge"

    def made(self, registry: CollectorRegistry) -> Gauge:
        """The gauge, at 0."""
        return Gauge(
            self.name, self.help, self.labels, registry=registry, multiprocess_mode="livesum"
        )


@dataclass(frozen=True)
class HistogramMetric(Metric):
    """A distribution of values; `buckets` are upper bounds."""

    type = "histogram"
    buckets: Sequence[float] = ()

    def made(self, registry: CollectorRegistry) -> Histogram:
        """The histogram, empty."""
        return Histogram(self.name, self.help, self.labels, registry=registry, buckets=self.buckets)


CALL_SECONDS = HistogramMetric(
    "holdfast_call_seconds",
    "gRPC calls by method and status, from handler to answer; of a stream, its whole life.",
    ("method", "code"),
    _CALL_S,
)
CALL_ERRORS = CounterMetric(
    "holdfast_call_errors_total",
    "gRPC calls that ended in an error, by its reason, such as OVERLOADED or DEADLINE_PASSED.",
    ("method", "reason"),
)
CALL_METRICS: tuple[Metric, ...] = (CALL_SECONDS, CALL_ERRORS)


class MethodMetrics:
    """The metrics of the calls of one method."""

    def __init__(self, method: str, seconds: Histogram, errors: Counter) -> None:
        self.answered: Callable[[float], None] = seconds.labels(method, "OK").observe
        """Counts a call that was answered, and how long it took, in seconds."""
        self._method = method
        self._seconds = seconds
        self._errors = errors

    def failed(self, code: str, reason: str, seconds: float) -> None:
        """Counts a call that ended in an error: its gRPC status and the contract's reason.

        A call that its caller gave up has the reason "CANCELLED".
        """
        self._seconds.labels(self._method, code).observe(seconds)
        self._errors.labels(self._method, reason).inc()


class CallMetrics:
    """The metrics of gRPC calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = CALL_SECONDS.made(registry)
        self._errors = CALL_ERRORS.made(registry)

    def of_method(self, method: str) -> MethodMetrics:
        """The metrics of a method's calls."""
        return MethodMetrics(method, self._seconds, self._errors)


def serve_metrics(registry: CollectorRegistry, setting: str, address: str) -> None:
    """Answers at an address, on a thread, as long as the process lives; at "" it does not.

    Raises StartError, which names the setting.
    """
    if not address:
        return
    warn_if_open(setting, address, "reads the metrics")
    host, port = host_and_port(address)
    # The time of creation would be one more series for each counter; nobody asks for it.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        server = _listening(host.strip("[]"), port, registry)
    except OSError as error:
        raise StartError.cannot_listen(setting, address) from error
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    log.info("metrics", target=f"{host}:{server.server_port}")


def _listening(host: str, port: int, registry: CollectorRegistry) -> "_Server":
    (family, *_, address), *_ = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    server = _Server(address[:2], _Request, family)
    server.set_app(make_wsgi_app(registry))
    return server


class _Request(WSGIRequestHandler):
    """A request for the metrics, which has to come within seconds."""

    timeout = REQUEST_S_MAX

    def log_message(self, *_: object) -> None:
        """Logs nothing: a stranger could fill the log."""


class _Server(ThreadingMixIn, WSGIServer):
    """Answers on threads, only so many at a time: who comes beyond that is hung up on."""

    daemon_threads = True

    def __init__(self, address: Any, handler: Any, family: socket.AddressFamily) -> None:
        self.address_family = family
        self._free = BoundedSemaphore(REQUESTS_MAX)
        super().__init__(address, handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is a thread for it."""
        return self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers, and frees the thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of callers who hang up."""
