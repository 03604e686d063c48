"""A flash sale for Locust, over gRPC, that ends with an audit and a gate.

    locust -f benchmarks/locustfile.py --host 127.0.0.1:7600              # web page on port 8089
    locust -f benchmarks/locustfile.py --host 127.0.0.1:7600 --headless   # a minute, then the gate
    make rehearse                                                         # with its own server

People gather, at T-0 all shop at once, the stock sells out, a few stay. Buyers reserve, pay and
confirm, some too late or never; waverers release or walk away; browsers read the page. The options
of the sale are in the web form and in `python -m benchmarks.rehearse --help` (Locust's own help
knows none of a locustfile's); `--processes 2` spreads the users over two processes.

What it measures: calls as an order service would make them with Holdfast's SDK (its retries
included), accepted and refused apart, in hundredths of a millisecond. The times contain Locust's
own: its users are Python on one core, slower than the server they load, and on one machine they
compete with it for that machine. So the limit of the gate is about this load on this machine;
`benchmarks/capacity.py` measures the server. Users wait for an answer before the next call, so a
server that stalls is asked less (coordinated omission), which capacity.py avoids, too.

Exit code 0: every condition of the printed table holds. 1: one does not, or the rehearsal was
stopped early. 2: an option cannot be used. 3: no server serves at --host.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import grpc.experimental.gevent
import locust.stats
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.web import WebUI

from benchmarks.flash_sale import options, report, web
from benchmarks.flash_sale.gate import bucket_response_time
from benchmarks.flash_sale.rehearsal import FlashSaleShape, NotServingError, Rehearsal
from benchmarks.flash_sale.users import Browser, Buyer, Waverer
from holdfast.channel import target_or_default

__all__ = ["Browser", "Buyer", "FlashSaleShape", "Waverer"]

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE = 0, 1, 2, 3
WORKERS_CONNECT_S_MAX = 5.0

# Locust's own rounding cannot tell 0.4 ms from 0.6 ms; this function is there to be replaced.
locust.stats.bucket_response_time = bucket_response_time  # type: ignore[assignment]


def add_options(parser: LocustArgumentParser) -> None:
    """Called for the command line, and again for the web form."""
    options.add_to(parser)
    parser.add_argument(
        "--audit-file",
        default="",
        help="where to write the account of the sale and the gate, as JSON",
        include_in_web_ui=False,
    )


def set_up(environment: Environment, web_ui: WebUI | None, **_: Any) -> None:
    """Wires a process; Locust has forked its workers by now, which gRPC would not have survived."""
    grpc.experimental.gevent.init_gevent()
    environment.host = environment.host or target_or_default(None)
    rehearsal = Rehearsal(environment)
    hooks: Any = environment.events
    hooks.test_start.add_listener(lambda **_: rehearsal.begin())
    if isinstance(environment.runner, WorkerRunner):
        hooks.report_to_master.add_listener(lambda data, **_: rehearsal.report(data))
        return
    hooks.worker_report.add_listener(lambda data, **_: rehearsal.take_report(data))
    hooks.quitting.add_listener(lambda **_: finish(environment, rehearsal))
    hooks.quit.add_listener(lambda **_: show(rehearsal))
    if isinstance(environment.shape_class, FlashSaleShape):
        environment.shape_class.rehearsal = rehearsal
    if web_ui is not None:
        web.add_to(web_ui, rehearsal)
    if web_ui is None or getattr(environment.parsed_options, "autostart", False):
        prepare_or_exit(environment, rehearsal)


def prepare_or_exit(environment: Environment, rehearsal: Rehearsal) -> None:
    """Makes the stock for a run that starts by itself, or ends the process with the reason."""
    try:
        rehearsal.prepare(vars(environment.parsed_options), environment.host or "")
    except options.OptionError as error:
        leave(environment, EXIT_USAGE, error)
    except NotServingError as error:
        leave(environment, EXIT_UNREACHABLE, error)


def leave(environment: Environment, exit_code: int, error: Exception) -> NoReturn:
    """Ends the process, and the workers that `--processes` forked: they would wait a minute."""
    print(f"error: {error}", file=sys.stderr)
    runner, options = environment.runner, vars(environment.parsed_options)
    if isinstance(runner, MasterRunner) and options["processes"]:
        give_up_at_s = time.monotonic() + WORKERS_CONNECT_S_MAX
        while len(runner.clients) < options["processes"] and time.monotonic() < give_up_at_s:
            time.sleep(0.05)
        runner.quit()
    sys.exit(exit_code)


def finish(environment: Environment, rehearsal: Rehearsal) -> None:
    """Adds the account of the last run to Locust's report, and sets the exit code by it."""
    if rehearsal.sale is None:
        return
    rows, findings = rehearsal.rows(), rehearsal.findings
    parsed: Any = environment.parsed_options
    if parsed.html_file and (page := Path(parsed.html_file)).exists():
        section = report.to_html(rows, findings)
        page.write_text(report.with_audit(page.read_text("utf-8"), section), "utf-8")
    if parsed.audit_file:
        account = json.dumps(web.account(rehearsal), indent=2)
        Path(parsed.audit_file).write_text(f"{account}\n", "utf-8")
    environment.process_exit_code = EXIT_OK if rehearsal.passed() else EXIT_FAILED


def show(rehearsal: Rehearsal) -> None:
    """Prints the account, after all that Locust has to say."""
    if rehearsal.sale is not None:
        print(report.to_text(rehearsal.rows(), rehearsal.findings), flush=True)


listeners: Any = events  # Locust has types, but none for its listeners
listeners.init_command_line_parser.add_listener(add_options)
listeners.init.add_listener(set_up)
