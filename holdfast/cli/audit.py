"""`holdfast audit`: whether every unit is accounted for."""

from typing import TYPE_CHECKING

from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.failures import Failure
from holdfast.cli.output import plain, print_json, print_remark, progress_bar, table_of

if TYPE_CHECKING:
    from rich.progress import Progress

    from holdfast.sync_client import SyncClient
    from holdfast.types import AuditFinding, AuditSummary

FINDINGS_SHOWN_MAX = 1_000

print_findings = table_of({"Invariant": "invariant", "Row": "row", "Detail": "detail"})


def audit(*, connection: Connection = DEFAULT_CONNECTION) -> None:
    """Proves from the store that no unit of a tenant was sold twice, none lost.

    Reads only, and may run while the shop sells. Exit status 1 if a row breaks
    an invariant, or if rows changed all the time and could not be proven.

    For example:
      holdfast audit
      holdfast audit --tenant shop-2 -o json
    """
    with connection.client() as client, progress_bar() as progress:
        findings, summary = _follow(client, progress)
    if summary is None:
        raise Failure(
            "the audit broke off before its summary; start it again", reason="AUDIT_BROKE_OFF"
        )
    _report(findings, summary, connection)
    if not summary.ok:
        raise Failure(
            f"the audit failed: {summary.findings:,} findings, {summary.unsettled:,} rows that "
            "could not be proven because they changed all the time",
            reason="AUDIT_FAILED",
            details={"findings": summary.findings, "unsettled": summary.unsettled},
        )


def _follow(
    client: "SyncClient", progress: "Progress"
) -> tuple[list["AuditFinding"], "AuditSummary | None"]:
    """The first findings and the summary of an audit, while `progress` shows how far it is."""
    from holdfast.types import AuditFinding, AuditProgress, AuditSummary

    bar = progress.add_task("Auditing", total=None)
    findings: list[AuditFinding] = []
    for event in client.audit():
        match event:
            case AuditProgress(checked, total):
                progress.update(bar, completed=checked, total=total)
            case AuditFinding():
                if len(findings) < FINDINGS_SHOWN_MAX:
                    findings.append(event)
            case AuditSummary():
                return findings, event
    return findings, None


def _report(
    findings: list["AuditFinding"], summary: "AuditSummary", connection: Connection
) -> None:
    if connection.as_json:
        counts = {**plain(summary), "findings_total": summary.findings, "findings": findings}
        print_json(counts)
        return
    if findings:
        print_findings(findings)
    if summary.findings > len(findings):
        print_remark(f"... and {summary.findings - len(findings):,} more findings.")
    print(
        f"Audit {'ok' if summary.ok else 'FAILED'}: {summary.levels:,} stock levels, "
        f"{summary.reservations:,} reservations, {summary.buyers:,} buyer counts and "
        f"{summary.journal_entries:,} journal entries checked in "
        f"{summary.elapsed_ms / 1_000:.1f} s."
    )
