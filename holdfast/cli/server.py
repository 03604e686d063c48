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
      holdfast server accept-store --reason "restored the backup of 02:00, ticket 4711"
      holdfast server accept-store --all-tenants --reason "test data, emptied on purpose"

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


def _tell(accepted: list["AcceptedStore"]) -> None:
    if accepted:
        print_accepted(accepted)
        print_remark("Accepted. Audit it, and check the orders since the loss.")
    else:
        print_remark("Nothing to accept: the store did not go back.")
