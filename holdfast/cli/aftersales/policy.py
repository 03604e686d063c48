"""`holdfast aftersales policy put|list|get|pause|pauses`: the clauses by which cases are judged."""

from pathlib import Path
from typing import Annotated, Any

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
from holdfast.cli.orders.tables import print_list
from holdfast.cli.output import enum_name, plain, print_json, print_remark, table_of
from holdfast.cli.times import local_iso
from holdfast.order.v1 import aftersales_pb2
from holdfast.order.v1 import policies_pb2 as pb

app = App(name="policy", group=SERVICE, help="The clauses by which cases are judged.")

_STATES = aftersales_pb2.Case.State
StateName = Annotated[
    str, named([enum_name(_STATES.DESCRIPTOR, n) for n in _STATES.values() if n], "STATE")
]
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
    try:
        document = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise usage_failure(f"{file}: {error}") from error
    answer = connection.ask(pb.PutPolicyRequest(document=document))
    if connection.as_json:
        print_json(plain(answer))
        return
    policy = answer.policy
    since = local_iso(policy.effective_from_ms)
    again = "; it was there already" if answer.replayed else ""
    print_remark(f"{policy.policy_id} is version {policy.version}, in force from {since}{again}.")


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
      holdfast aftersales policy pause awaiting-return --since 2027-02-05T00:00+08:00 \\
        --until 2027-02-12T00:00+08:00

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


def _kind(policy: Any) -> str:
    return "law" if policy.law else policy.merchant_id or "shop"


print_policies = table_of(
    {
        "Version": "version",
        "Policy": "policy_id",
        "Of": _kind,
        "Published": "published_at_ms",
        "In force from": "effective_from_ms",
        "Clauses": lambda policy: str(len(policy.clauses)),
    }
)
print_clauses = table_of({"Clause": "name", "Value": "value", "Meaning": "meaning"})
print_pauses = table_of({"State": "state", "From": "from_at_ms", "Until": "until_at_ms"})
