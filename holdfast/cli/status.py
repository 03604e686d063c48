"""`holdfast status`: whether the engine serves, and what it stands on."""

from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.failures import Failure
from holdfast.cli.output import plain, print_json, print_table

_DAY_MS = 86_400_000


def status(*, connection: Connection = DEFAULT_CONNECTION) -> None:
    """Says whether the engine serves, from which store, and how durable an answer is.

    Exit status 1 if it does not serve, 3 if no server answers.

    For example:
      holdfast status
      holdfast status --target 10.0.0.5:7600 -o json
    """
    with connection.client() as client:
        found = client.get_status()
        target = client.target
    if connection.as_json:
        print_json({"target": target, "serves": not found.trouble, **plain(found)})
    else:
        facts = [
            ("Serves", "no" if found.trouble else "yes"),
            ("Version", found.version),
            ("Store", found.store),
            ("Durability", found.durability),
        ]
        if found.retention_fulfilled_ms:
            days = found.retention_fulfilled_ms / _DAY_MS
            facts.append(("Keeps what is fulfilled", f"{days:g} days"))
        facts += [("Warning", found.warning)] if found.warning else []
        print_table(("Engine", target), facts)
    if found.trouble:
        raise Failure(
            f"the engine at {target} does not serve: {found.trouble}", reason="NOT_SERVING"
        )
