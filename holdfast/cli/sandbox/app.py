"""`holdfast sandbox ...`: buyers, banks and carriers of `holdfast dev` do what they are told."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from holdfast.cli.arguments import OPERATE, DurationMs, Ratio
from holdfast.cli.arguments import Units as WholeNumber
from holdfast.cli.failures import usage_failure
from holdfast.cli.output import print_json, print_table
from holdfast.cli.sandbox.access import DEFAULT_SANDBOX, SandboxConnection
from holdfast.money import minor_units, money_text

app = App(
    name="sandbox",
    group=OPERATE,
    help="Steers the pretended payment provider and carrier of `holdfast dev`.",
)

LATE_MS_DEFAULT = 10_000
PARCEL_LATE_MS_DEFAULT = 72 * 3_600_000

PaymentName = Annotated[str, Parameter(help="The payment, or the order: its newest payment.")]
ParcelName = Annotated[
    str,
    Parameter(help="The parcel, such as 3766223186315821678-s1, or the order: its newest parcel."),
]


@app.command
def status(*, connection: SandboxConnection = DEFAULT_SANDBOX) -> None:
    """Says where the sandbox is, and what it has taken and reported.

    For example:
      holdfast sandbox status
      holdfast sandbox status -o json
    """
    url = connection.access().url
    provider = connection.ask("/provider/control/books")
    carrier = connection.ask("/carrier/control/books")
    if connection.as_json:
        print_json({"url": url, "provider": provider, "carrier": carrier})
        return
    print_table(("Sandbox", url), _facts("Provider", provider) + _facts("Carrier", carrier))


def _facts(part: str, books: dict[str, Any]) -> list[tuple[str, str]]:
    facts = []
    for name, value in books.items():
        sums = value.items() if isinstance(value, dict) else [("", value)]
        shown = ", ".join(f"{number:,} {currency}".rstrip() for currency, number in sums)
        facts.append((f"{part}: {name.lower().replace('_', ' ')}", shown or "-"))
    return facts


@app.command
def pay(
    payment: PaymentName,
    /,
    *,
    amount: str = "",
    again: bool = False,
    connection: SandboxConnection = DEFAULT_SANDBOX,
) -> None:
    """Has the buyer pay; the order service is told.

    A payment that was paid is not paid a second time, unless --again.

    For example:
      holdfast sandbox pay 3766223186315821678
      holdfast sandbox pay 3766223186315821678-p1 --again

    Parameters
    ----------
    amount
        How much, in the payment's currency [default: what is asked for].
    again
        Pay although it was paid before: the buyer has paid twice.
    """
    _pay(connection, payment, amount, again=again)


@app.command
def lose(payment: PaymentName, /, *, connection: SandboxConnection = DEFAULT_SANDBOX) -> None:
    """Has the buyer pay, and the provider's callback get lost.

    The order service learns of it when it asks: at the payment's deadline, or by
    `holdfast orders reconcile`.

    For example:
      holdfast sandbox lose 3766223186315821678
    """
    _pay(connection, payment, callback="lose")


@app.command
def late(
    payment: PaymentName,
    /,
    *,
    by: DurationMs = LATE_MS_DEFAULT,
    connection: SandboxConnection = DEFAULT_SANDBOX,
) -> None:
    """Has the buyer pay, and the provider's callback come late.

    For example:
      holdfast sandbox late 3766223186315821678 --by 20m

    Parameters
    ----------
    by
        How late: 10s, 20m.
    """
    _pay(connection, payment, callback="late", delay_ms=by)


@app.command(name="wrong-amount")
def wrong_amount(
    payment: PaymentName,
    /,
    *,
    amount: str = "",
    connection: SandboxConnection = DEFAULT_SANDBOX,
) -> None:
    """Has the buyer pay another amount than was asked for.

    For example:
      holdfast sandbox wrong-amount 3766223186315821678
      holdfast sandbox wrong-amount 3766223186315821678 --amount 30.00

    Parameters
    ----------
    amount
        How much [default: the smallest unit of money less].
    """
    _pay(connection, payment, amount, less_minor=0 if amount else 1)


@app.command
def decline(payment: PaymentName, /, *, connection: SandboxConnection = DEFAULT_SANDBOX) -> None:
    """Has the buyer's bank say no.

    For example:
      holdfast sandbox decline 3766223186315821678
    """
    known = connection.ask(f"/provider/control/payments/{payment}")
    fact = connection.ask("/provider/control/decline", {"payment_id": known["payment_id"]})
    _print(connection, fact, f"{fact['payment_id']} is {fact['kind']}.")


def _pay(
    connection: SandboxConnection,
    payment: str,
    amount: str = "",
    *,
    again: bool = False,
    less_minor: int = 0,
    **how: object,
) -> None:
    known = connection.ask(f"/provider/control/payments/{payment}")
    name, currency = known["payment_id"], known["currency"]
    if known["kind"] == "CAPTURED" and not again:
        text = f"{name} was paid before; nothing was done now. --again of `pay` pays it once more."
        _print(connection, known | {"replayed": True}, text)
        return
    try:
        amount_minor = minor_units(amount, currency) if amount else known["asked_minor"]
    except ValueError as error:
        raise usage_failure(f"--amount: {error}") from error
    request = {"payment_id": name, "amount_minor": amount_minor - less_minor, **how}
    fact = connection.ask("/provider/control/pay", request)
    paid = money_text(amount_minor - less_minor, currency)
    _print(connection, fact | {"replayed": False}, f"Paid {paid} for {name}.")


@app.command(name="lose-parcel")
def lose_parcel(parcel: ParcelName, /, *, connection: SandboxConnection = DEFAULT_SANDBOX) -> None:
    """Has the carrier lose a parcel that has a waybill and has not arrived.

    For example:
      holdfast sandbox lose-parcel 3766223186315821678-s1
    """
    _befall(connection, parcel, "lose")


@app.command(name="damage-parcel")
def damage_parcel(
    parcel: ParcelName, /, *, connection: SandboxConnection = DEFAULT_SANDBOX
) -> None:
    """Has the carrier damage a parcel that has a waybill and has not arrived.

    For example:
      holdfast sandbox damage-parcel 3766223186315821678-s1
    """
    _befall(connection, parcel, "damage")


@app.command(name="delay-parcel")
def delay_parcel(
    parcel: ParcelName,
    /,
    *,
    by: DurationMs = PARCEL_LATE_MS_DEFAULT,
    connection: SandboxConnection = DEFAULT_SANDBOX,
) -> None:
    """Has a parcel that has a waybill and has not arrived take longer.

    The same delay twice is one delay.

    For example:
      holdfast sandbox delay-parcel 3766223186315821678-s1 --by 30s

    Parameters
    ----------
    by
        How much longer: 30s, 72h.
    """
    _befall(connection, parcel, "delay", delay_ms=by)


@app.command
def refuse(parcel: ParcelName, /, *, connection: SandboxConnection = DEFAULT_SANDBOX) -> None:
    """Has the buyer refuse a parcel at the door: it comes back to its sender.

    It has to have a waybill, and not to have arrived. What comes back is an
    incident of the order: holdfast orders incidents.

    For example:
      holdfast sandbox refuse 3766223186315821678
    """
    _befall(connection, parcel, "refuse")


@app.command(name="return-parcel")
def return_parcel(
    parcel: ParcelName, /, *, connection: SandboxConnection = DEFAULT_SANDBOX
) -> None:
    """Has nobody open the door, and the carrier return the parcel to its sender.

    It has to have a waybill, and not to have arrived.

    For example:
      holdfast sandbox return-parcel 3766223186315821678-s1
    """
    _befall(connection, parcel, "return")


_DONE = {
    "lose": "lost",
    "damage": "damaged",
    "delay": "late",
    "refuse": "refused at the door, and come back",
    "return": "returned to its sender",
}


def _befall(connection: SandboxConnection, parcel: str, fate: str, **how: object) -> None:
    asked = {"shipment_id": parcel, "fate": fate, **how}
    answer = connection.ask("/carrier/control/parcel", asked)
    before = " It was so before." * bool(answer["replayed"])
    _print(connection, answer, f"{answer['shipment_id']} will be {_DONE[fate]}.{before}")


@app.command
def misbehave(
    *,
    decline: Ratio = 0.0,
    wrong_amount: Ratio = 0.0,
    pay_twice: Ratio = 0.0,
    refuse_refund: Ratio = 0.0,
    lose: Ratio = 0.0,
    duplicate: Ratio = 0.0,
    delay: Ratio = 0.0,
    delay_ms: WholeNumber = 1_000,
    down: bool = False,
    lose_parcels: Ratio = 0.0,
    damage_parcels: Ratio = 0.0,
    delay_parcels: Ratio = 0.0,
    connection: SandboxConnection = DEFAULT_SANDBOX,
) -> None:
    """Sets how often things go wrong by themselves, from 0 to 1.

    What is not given goes wrong never.

    For example:
      holdfast sandbox misbehave --lose 0.1 --duplicate 0.2 --lose-parcels 0.05
      holdfast sandbox misbehave --down
      holdfast sandbox misbehave

    Parameters
    ----------
    decline
        Payments that the buyer's bank declines.
    wrong_amount
        Payments of another amount than was asked for.
    pay_twice
        Payments that are paid twice.
    refuse_refund
        Refunds that the provider refuses.
    lose
        Callbacks, of payments and parcels, that are lost.
    duplicate
        Callbacks that come twice.
    delay
        Callbacks that come late.
    delay_ms
        How late those come at most.
    down
        The provider answers nothing.
    lose_parcels
        Parcels that are lost.
    damage_parcels
        Parcels that are damaged.
    delay_parcels
        Parcels that take three days longer.
    """
    callbacks = {"lose": lose, "duplicate": duplicate, "delay": delay, "delay_ms": delay_ms}
    payments = callbacks | {
        "decline": decline,
        "wrong_amount": wrong_amount,
        "pay_twice": pay_twice,
        "refuse_refund": refuse_refund,
        "down": "refuse" if down else "",
    }
    parcels = {"lose": lose_parcels, "damage": damage_parcels, "late": delay_parcels}
    provider = connection.ask("/provider/control/misbehave", payments)
    carrier = connection.ask(
        "/carrier/control/misbehave", {"callbacks": callbacks, "parcels": parcels}
    )
    wrong = any(value for value in (*payments.values(), *parcels.values()) if value != delay_ms)
    text = "Things go wrong from now on." if wrong else "Nothing goes wrong by itself any more."
    _print(connection, {"provider": provider, "carrier": carrier}, text)


def _print(connection: SandboxConnection, answer: dict[str, Any], text: str) -> None:
    if connection.as_json:
        print_json(answer)
    else:
        print(text)
