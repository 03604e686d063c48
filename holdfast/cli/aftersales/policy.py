"""`holdfast aftersales policy ...`: the clauses by which cases are judged."""

from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from holdfast.cli.arguments import (
    LIST_LIMIT_DEFAULT,
    SERVICE,
    Limit,
    MomentMs,
    named,
)
from holdfast.cli.arguments import Units as WholeNumber
from holdfast.cli.failures import usage_failure
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_list, units_text
from holdfast.cli.output import enum_name, plain, print_json, print_remark, table_of
from holdfast.cli.times import local_iso
from holdfast.order.v1 import aftersales_pb2
from holdfast.order.v1 import policies_pb2 as pb

app = App(name="policy", group=SERVICE, help="The clauses by which cases are judged.")

_STATES = aftersales_pb2.Case.State


def _names(enum: Any) -> list[str]:
    return [enum_name(enum.DESCRIPTOR, number) for number in enum.values() if number]


StateName = Annotated[str, named(_names(_STATES), "STATE")]
ReasonName = Annotated[str, named(_names(aftersales_pb2.CaseReason), "REASON")]
KindName = Annotated[str, named(_names(aftersales_pb2.CaseKind), "KIND")]
CASES_DEFAULT: Final = 1_000
OrderId = Annotated[str, Parameter(help="The order.")]
File = Annotated[Path, Parameter(help="The policy, as JSON.")]


@app.command
def put(file: File, /, *, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION) -> None:
    """Writes the version that follows those of a shop, or of one of its merchants.

    Orders are judged by the version that was in force when they were placed. The
    file is JSON such as

      {"policy_id": "autumn", "preset": "wechat",
       "clauses": {"window.NO_REASON.days": 10}}

    and may name a merchant_id, effective_from_ms and law. Clauses that it does not
    name are those of the preset: default, wechat or seed3.

    For example:
      holdfast aftersales policy put autumn.json
      holdfast aftersales policy put autumn.json -o json
    """
    answer = connection.ask(pb.PutPolicyRequest(document=_document(file)))
    if connection.as_json:
        print_json(plain(answer))
        return
    policy = answer.policy
    since = local_iso(policy.effective_from_ms)
    again = "; it was there already" if answer.replayed else ""
    print_remark(f"{policy.policy_id} is version {policy.version}, in force from {since}{again}.")


@app.command(name="try")
def try_policy(
    file: File,
    /,
    *,
    cases: Limit = CASES_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says what a policy would have changed for past cases, and writes nothing.

    The newest cases are judged as if it had been in force when their orders were
    placed.

    For example:
      holdfast aftersales policy try autumn.json
      holdfast aftersales policy try autumn.json --cases 50 -o json

    Parameters
    ----------
    cases
        How many cases at most: up to 1000.
    """
    answer = connection.ask(pb.TryPolicyRequest(document=_document(file), cases_max=cases))
    if connection.as_json:
        print_json(plain(answer))
        return
    if answer.differences:
        print_differences(answer.differences)
    changed = len({each.case_id for each in answer.differences})
    print_remark(f"{changed} of {answer.tried} cases would have been judged otherwise.")


@app.command
def explain(
    order_id: OrderId,
    /,
    *,
    reason: ReasonName,
    kind: KindName | None = None,
    at: MomentMs = 0,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says what could be asked for of an order with a reason, and why.

    For example:
      holdfast aftersales policy explain 3766223186315821678 --reason no-reason
      holdfast aftersales policy explain 3766223186315821678 --reason quality \\
        --kind exchange --at 2026-03-16T23:59+08:00 -o json

    Parameters
    ----------
    reason
        no-reason, quality, damaged, not-as-described, wrong-item, missing-item,
        not-received, changed-mind or price-drop.
    kind
        refund-only, return-refund, exchange, repair, price-difference or resend
        [default: the first that fits].
    at
        When it is asked for [default: now].
    """
    request = pb.ExplainPolicyRequest(
        order_id=order_id,
        reason=aftersales_pb2.CaseReason.Value(f"CASE_REASON_{reason}"),
        kind=aftersales_pb2.CaseKind.Value(f"CASE_KIND_{kind or 'UNSPECIFIED'}"),
        asked_at_ms=at,
    )
    answer = connection.ask(request)
    if connection.as_json:
        print_json(plain(answer))
    else:
        print_verdicts(answer.verdicts)


@app.command(name="list")
def list_policies(
    *,
    merchant: str = "",
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists the versions of a shop, the oldest first.

    For example:
      holdfast aftersales policy list
      holdfast aftersales policy list --merchant m1 -o json

    Parameters
    ----------
    merchant
        Only this merchant's own.
    """
    request = pb.ListPoliciesRequest(merchant_id=merchant)
    print_list(connection, request, "policies", limit, print_policies)


@app.command
def get(
    version: WholeNumber | None = None,
    /,
    *,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Shows a version with all its clauses.

    For example:
      holdfast aftersales policy get
      holdfast aftersales policy get 0

    Parameters
    ----------
    version
        Its number, 0 for the one that is built in [default: the shop's that is in
        force now].
    """
    policy = connection.ask(pb.GetPolicyRequest(version=version)).policy
    if connection.as_json:
        print_json(plain(policy))
        return
    print_policies([policy])
    print_clauses(policy.clauses)


@app.command
def pause(
    state: StateName,
    /,
    *,
    since: MomentMs,
    until: MomentMs,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Has the deadlines of a state stand still for a while, from now or later.

    Each deadline moves by the time that both have in common.

    For example:
      holdfast aftersales policy pause awaiting-return \\
        --since 2027-02-05T00:00+08:00 --until 2027-02-12T00:00+08:00

    Parameters
    ----------
    state
        The state of cases, such as with-merchant or awaiting-return.
    since
        Its first moment.
    until
        The first moment after it.
    """
    wanted = pb.Pause(state=_STATES.Value(state), from_at_ms=since, until_at_ms=until)
    answer = connection.ask(pb.PutPauseRequest(pause=wanted))
    if connection.as_json:
        print_json(plain(answer))
        return
    again = ", as it was already" if answer.replayed else ""
    print_remark(f"{state} pauses from {local_iso(since)} until {local_iso(until)}{again}.")


@app.command
def pauses(*, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION) -> None:
    """Lists the pauses of a shop, the earliest first.

    For example:
      holdfast aftersales policy pauses -o json
    """
    found = connection.ask(pb.ListPausesRequest()).pauses
    if connection.as_json:
        print_json({"pauses": [plain(each) for each in found]})
    else:
        print_pauses(found)


def _document(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise usage_failure(f"{file}: {error}") from error


def _kind(policy: Any) -> str:
    return "law" if policy.law else policy.merchant_id or "shop"


print_policies = table_of(
    {
        "Version": "version",
        "Policy": "policy_id",
        "Of": _kind,
        "Published": "published_at_ms",
        "In force from": lambda policy: local_iso(policy.effective_from_ms),
        "Clauses": lambda policy: str(len(policy.clauses)),
    }
)
print_clauses = table_of({"Clause": "name", "Value": "value", "Meaning": "meaning"})
print_differences = table_of(
    {"Case": "case_id", "What": "what", "Was": "was", "Would be": "would_be"}
)
print_verdicts = table_of(
    {
        "Line": lambda verdict: str(verdict.units.line_no),
        "Units": lambda verdict: units_text([verdict.units]),
        "Parcel": lambda verdict: verdict.units.shipment_id.rpartition("-")[2] or "-",
        "Kind": "kind",
        "Taken": lambda verdict: "yes" if verdict.allowed else "no",
        "Clause": "clause",
        "Of": "version",
        "Why": "comparison",
        "Until": "ends_at_ms",
    }
)
print_pauses = table_of({"State": "state", "From": "from_at_ms", "Until": "until_at_ms"})
