"""`holdfast settlement contracts put|list`: the rates by which merchants are settled."""

from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, MONEY, Limit, MomentMs, named
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_list
from holdfast.cli.output import enum_name, print_json, table_of
from holdfast.cli.times import local_iso
from holdfast.order.v1 import settlement_pb2 as pb

contracts = App(
    name="contracts", group=MONEY, help="The rates by which merchants are settled, in versions."
)

PERIODS: Final = tuple(
    enum_name(pb.Contract.Period.DESCRIPTOR, number)
    for number in pb.Contract.Period.values()
    if number
)
PeriodName = Annotated[str, named(PERIODS, "PERIOD")]
Rate = Annotated[int, Parameter(metavar="BP")]


@contracts.command(name="put")
def put_contract(
    merchant: str,
    /,
    *,
    commission: Rate = 0,
    service_fee: Rate = 0,
    coupon: Rate = 0,
    platform_ships: bool = False,
    merchant_collects: bool = False,
    period: PeriodName = "MONTH",
    days: int = 0,
    zone: str = "UTC",
    payout_min: int = 100,
    from_: Annotated[MomentMs | None, Parameter(name="--from")] = None,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Writes a merchant's next contract; orders that were placed keep theirs.

    For example:
      holdfast settlement contracts put m1 --commission 500 --service-fee 60
      holdfast settlement contracts put m1 --commission 800 --from 2030-03-05
      holdfast settlement contracts put m1 --period week --zone Asia/Shanghai

    Parameters
    ----------
    merchant
        The merchant.
    commission
        Of the merchant's value of the goods, in basis points.
    service_fee
        Of what the buyer has paid, in basis points.
    coupon
        The platform's share of coupons, in basis points.
    platform_ships
        The freight is the platform's.
    merchant_collects
        Cash on delivery is collected by the merchant itself.
    period
        How often there is a statement: day, week, month or days.
    days
        The days of a period of days.
    zone
        The time zone in which the merchant's days end.
    payout_min
        Minor units; less is carried to the next statement.
    from_
        When it comes into force [default: now].
    """
    contract = pb.Contract(
        merchant_id=merchant,
        from_at_ms=from_ or 0,
        commission_bp=commission,
        service_fee_bp=service_fee,
        coupon_bp=coupon,
        platform_ships=platform_ships,
        merchant_collects=merchant_collects,
        period=pb.Contract.Period.Value(period),
        period_days=days,
        zone=zone,
        payout_min_minor=payout_min,
    )
    answer = connection.ask(pb.PutContractRequest(contract=contract))
    if connection.as_json:
        print_json({"contract": answer.contract, "replayed": answer.replayed})
        return
    made = answer.contract
    said = "was so before" if answer.replayed else "is in force"
    print(f"Contract {made.contract_no} of {merchant} {said} from {local_iso(made.from_at_ms)}.")


@contracts.command(name="list")
def list_contracts(
    merchant: str = "",
    /,
    *,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists contracts, by merchant and number.

    For example:
      holdfast settlement contracts list m1

    Parameters
    ----------
    merchant
        Only this merchant's.
    """
    request = pb.ListContractsRequest(merchant_id=merchant)
    print_list(connection, request, "contracts", limit, _print_contracts)


def _period(contract: Any) -> str:
    name = enum_name(pb.Contract.Period.DESCRIPTOR, contract.period)
    return f"{contract.period_days} DAYS" if name == "DAYS" else name


_print_contracts = table_of(
    {
        "Merchant": "merchant_id",
        "No": "contract_no",
        "From": lambda contract: local_iso(contract.from_at_ms),
        "Commission": lambda contract: _percent(contract.commission_bp),
        "Service fee": lambda contract: _percent(contract.service_fee_bp),
        "Our coupons": lambda contract: _percent(contract.coupon_bp),
        "Ships": lambda contract: "platform" if contract.platform_ships else "merchant",
        "Collects": lambda contract: "merchant" if contract.merchant_collects else "carrier",
        "Period": _period,
        "Zone": "zone",
    }
)


def _percent(rate_bp: int) -> str:
    return f"{rate_bp / 100:.2f} %"
