"""`holdfast server`: what operations people decide about a running engine."""

from typing import TYPE_CHECKING

from cyclopts import App

from holdfast.cli.arguments import OPERATE
from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.output import print_json, print_remark, table_of

if TYPE_CHECKING:
    from holdfast.types import AcceptedStore

app = App(name="server", help="Decisions about a running engine.", group=OPERATE)

print_accepted = table_of(
    {
        "Tenant": "tenant",
        "Changes seen": "changes_seen",
        "Changes now": "changes_now",
        "Lost by": lambda store: "another store" if store.replaced else "an older copy",
    }
)


@app.command
def accept_store(
    *, reason: str, all_tenants: bool = False, connection: Connection = DEFAULT_CONNECTION
) -> None:
    """Accepts a store that went back in time, as it is now.

    The engine refuses a store that was emptied, or put back to an older copy of
    itself, because answers that it gave are lost. Better than to accept it is to
    restore the newest copy. What was lost stays lost: check the orders since then.
    It is written down beside the engine's data, with the reason.

    For example:
      holdfast server accept-store --reason "the backup of 02:00, ticket 4711"
      holdfast server accept-store --all-tenants --reason "emptied on purpose"

    Parameters
    ----------
    reason
        Why, for those who ask later.
    all_tenants
        Every shop whose store went back, not only that of --tenant.
    """
    with connection.client() as client:
        accepted = client.accept_store(reason, all_tenants=all_tenants)
    if connection.as_json:
        print_json({"accepted": accepted})
        return
    _tell(accepted)


@app.command
def accept_clock(*, reason: str, connection: Connection = DEFAULT_CONNECTION) -> None:
    """Accepts the clock of the store's machine after it was set.

    The engine does not follow a clock that is set, lest all holds expire at once:
    time goes on as if it had not been. Put the clock right rather; accept it when
    it is right as it is. Time that ran ahead of the clock is taken back to it;
    holds keep the deadlines with which they were made. It is written down in the
    store, with the reason.

    For example:
      holdfast server accept-clock --reason "it was an hour slow, ticket 4711"

    Parameters
    ----------
    reason
        Why, for those who ask later.
    """
    with connection.client() as client:
        step_ms = client.accept_clock(reason)
    if connection.as_json:
        print_json({"step_ms": step_ms})
    elif step_ms:
        print_remark(f"Accepted. The store's clock was {step_ms / 1_000:+,.1f} s off.")
    else:
        print_remark("Nothing to accept: the store's clock is right.")


def _tell(accepted: list["AcceptedStore"]) -> None:
    if accepted:
        print_accepted(accepted)
        print_remark("Accepted. Audit it, and check the orders since the loss.")
    else:
        print_remark("Nothing to accept: the store did not go back.")
