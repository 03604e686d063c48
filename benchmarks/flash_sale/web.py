"""The rehearsal in Locust's web page: a tab with the audit, and options that are checked."""

from typing import Any

from flask import Response, jsonify, request
from locust.web import WebUI

from benchmarks.flash_sale import report
from benchmarks.flash_sale.gate import Row
from benchmarks.flash_sale.options import OptionError
from benchmarks.flash_sale.rehearsal import NotServingError, Rehearsal

TAB = "audit"
COLUMNS = {"what": "Audit", "seen": "Seen", "limit": "Must be", "verdict": "Verdict"}


def add_to(web_ui: WebUI, rehearsal: Rehearsal) -> None:
    """Adds the tab, `/audit` with the whole account as JSON, and the section of the report.

    The page shows a tab of a name, a table of columns, and rows that come with the statistics it
    asks for every other second.
    """
    app = web_ui.app
    assert app is not None
    web_ui.template_args |= {
        "extended_tabs": [{"title": "Audit", "key": TAB}],
        "extended_tables": [
            {
                "key": TAB,
                "structure": [{"key": key, "title": title} for key, title in COLUMNS.items()],
            }
        ],
    }

    @app.route("/audit")
    @web_ui.auth_required_if_enabled  # type: ignore[untyped-decorator]
    def audit() -> Response:
        return jsonify(account(rehearsal))

    @app.before_request
    def prepare() -> Response | None:
        """Refuses to start a run with options that cannot be used, or without a server."""
        runner = web_ui.environment.runner
        if request.endpoint != "locust.swarm" or runner is None or runner.shape_greenlet:
            return None
        options = vars(web_ui.environment.parsed_options)
        try:
            rehearsal.prepare(
                {**options, **request.form}, request.form.get("host", web_ui.environment.host or "")
            )
        except (OptionError, NotServingError) as error:
            return jsonify({"success": False, "message": str(error)})
        return None

    @app.after_request
    def add_audit(response: Response) -> Response:
        if request.endpoint == "locust.request_stats" and response.is_json:
            statistics: dict[str, Any] = response.get_json()
            rows = [_shown(row) for row in rehearsal.rows()]
            return jsonify({**statistics, "extended_stats": [{"key": TAB, "data": rows}]})
        if request.endpoint == "locust.stats_report" and rehearsal.sale is not None:
            section = report.to_html(rehearsal.rows(), rehearsal.findings)
            response.set_data(report.with_audit(response.get_data(as_text=True), section))
        return response


def account(rehearsal: Rehearsal) -> dict[str, Any]:
    """The whole account of the run; empty before the first one."""
    if rehearsal.sale is None:
        return {}
    return report.to_json(rehearsal.sale, rehearsal.rows(), rehearsal.seen, rehearsal.findings)


def _shown(row: Row) -> dict[str, str]:
    return {"what": row.what, "seen": row.seen, "limit": row.limit, "verdict": report.verdict(row)}
