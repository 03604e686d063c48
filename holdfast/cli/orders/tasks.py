"""`holdfast orders tasks|replay|drop|status`: what the order service still has to do."""

from collections.abc import Sequence
from typing import Final

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit
from holdfast.cli.asking import Yes, make_sure
from holdfast.cli.failures import Failure, usage_failure
from holdfast.cli.orders.arguments import Reason, TaskName
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_list
from holdfast.cli.output import print_json, print_table, table_of
from holdfast.cli.times import local_iso
from holdfast.order.v1 import operations_pb2 as pb

DEFAULT: Final = "default"
"""The shop that commands mean where none is named."""


SKEW_MS_NAMED = 1_000


def tasks(
    *,
    dead: bool = False,
    kind: TaskName | None = None,
    order: str = "",
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists what is still to be done for orders, in the order it was asked for.

    For example:
      holdfast orders tasks --dead
      holdfast orders tasks --order 3766223186315821678 -o json

    Parameters
    ----------
    dead
        Only what was given up after too many attempts: the dead-letter list.
    kind
        Only tasks of this kind, such as confirm or notify-buyer.
    order
        Only those of this order.
    """
    request = pb.ListTasksRequest(dead=dead, kind=kind or "", order_id=order)
    print_list(connection, request, "tasks", limit, _print_tasks)


_print_tasks = table_of(
    {
        "Task": "task_id",
        "Order": "order_id",
        "Kind": "kind",
        "Due": lambda task: "dead" if task.dead else local_iso(task.due_at_ms),
        "Failed": "attempts",
        "Last because": "last_error",
    }
)


def replay(
    *task_ids: str,
    kind: TaskName | None = None,
    order: str = "",
    all_: bool = False,
    yes: Yes = False,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Has tasks of the dead-letter list done again.

    Exit status 1 if one of TASK_IDS is not on it; the others are done anyway.

    For example:
      holdfast orders replay 3766223186315821695
      holdfast orders replay --kind notify-buyer
      holdfast orders replay --all

    Parameters
    ----------
    task_ids
        Those tasks.
    kind
        Only tasks of this kind.
    order
        Only those of this order.
    all_
        All that are dead.
    """
    if not (task_ids or kind or order or all_):
        raise usage_failure(
            "give TASK_IDS, --kind, --order or --all. See `holdfast orders replay --help`"
        )
    if all_:
        make_sure("Have all dead tasks done again, of all kinds and orders?", yes=yes)
    request = pb.ReplayTasksRequest(task_ids=task_ids, kind=kind or "", order_id=order)
    answer = connection.ask(request)
    if connection.as_json:
        print_json({"replayed": answer.replayed})
    else:
        print(f"{answer.replayed:,} tasks will be done again.")
    if answer.not_dead:
        raise Failure(
            f"not on the dead-letter list: {', '.join(answer.not_dead)}. "
            "`holdfast orders tasks --dead` shows it",
            reason="TASK_NOT_FOUND",
            details={"task_ids": list(answer.not_dead)},
        )


def drop(
    task_id: str,
    why: Reason,
    /,
    *,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Takes a dead task off the list without doing it.

    For example:
      holdfast orders drop 3766223186315821695 "the buyer was told by phone"

    Parameters
    ----------
    task_id
        The task.
    actor
        Who drops it, such as staff:7.
    """
    connection.ask(pb.DropTaskRequest(task_id=task_id, actor=actor, why=why))
    if connection.as_json:
        print_json({"task_id": task_id, "dropped": True})
    else:
        print(f"Dropped {task_id}.")


def status(
    *, check: bool = False, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION
) -> None:
    """Says what needs a person now, in all shops, and what there is to do.

    Before the tasks stands what the order service stands on. With --check the exit
    status is 1 if a person has to come: for a monitor.

    For example:
      holdfast orders status
      holdfast orders status --check

    Parameters
    ----------
    check
        Exit status 1 if something needs a person now.
    """
    found = connection.ask(pb.GetStatusRequest())
    alarms = [need for need in found.needs if need.alarms]
    if connection.as_json:
        print_json({"status": found})
    else:
        _print_status(found, alarms)
    if check and alarms:
        named = ", ".join(sorted({need.name for need in alarms}))
        raise Failure(f"needs a person now: {named}", reason="NEEDS_A_PERSON")


def _print_status(found: pb.GetStatusResponse, alarms: Sequence[pb.Need]) -> None:
    if not alarms:
        print("Nothing needs a person now.")
    if found.needs:
        _print_needs(sorted(found.needs, key=lambda need: not need.alarms))
    stands_on = [("Database", found.database)]
    if found.trouble:
        stands_on.append(("Does not serve", found.trouble))
    if found.warning:
        stands_on.append(("Warning", found.warning))
    stands_on += [
        ("A clock is wrong", f"{clock.ahead_ms / 1_000:+.1f} s: {clock.about}")
        for clock in found.clocks
        if abs(clock.ahead_ms) > SKEW_MS_NAMED
    ]
    print_table(("Order service", found.version), stands_on)
    # Most kinds have nothing to do; the document has them all.
    queues = [queue for queue in found.queues if queue.due or queue.later or queue.dead]
    if queues:
        _print_queues(queues)
    else:
        print("No task is to be done.")


def _command_of(need: pb.Need) -> str:
    return need.command if need.tenant == DEFAULT else f"{need.command} --tenant {need.tenant}"


_print_needs = table_of(
    {
        "Needs a person": lambda need: "now" if need.alarms else "in time",
        "Count": "count",
        "Since": "since_at_ms",
        "What": "about",
        "See": _command_of,
    }
)


_print_queues = table_of(
    {
        "Kind": "kind",
        "Due": "due",
        "Later": "later",
        "Dead": "dead",
        "Due since": "oldest_due_at_ms",
        "To": "about",
    }
)
