"""Writes docs/states.md and the diagrams of README.md from the state machines' tables.

`python -m tools.make_state_diagrams`. In README.md it replaces what is between
`<!-- states: MACHINE -->` and `<!-- end -->`.
"""

import re
from pathlib import Path

from order_service.order.joint_rules import JOINT_RULES
from order_service.order.machines import Machine
from order_service.order.parts import machines
from order_service.order.states import OrderState
from tools.sources import texts_of

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "states.md"
HEADER = (
    "Written by `python -m tools.make_state_diagrams` from `order_service/order/machines.py`; the "
    "database refuses any other move."
)
_PLACE = re.compile(r"(<!-- states: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def diagram(machine: Machine) -> str:
    """A machine as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {machine.first}"]
    for state, row in machine.moves.items():
        lines.extend(f"    {state} --> {after}: {event}" for event, after in row.items())
        if not row:
            lines.append(f"    {state} --> [*]")
    return "\n".join([*lines, "```"])


def page() -> str:
    """docs/states.md."""
    parts = ["# State machines", HEADER]
    for machine in machines():
        explained = texts_of(type(machine.first))
        rows = [f"| {state} | {explained[state]} |" for state in machine.moves]
        parts += [f"## {machine.name}", diagram(machine), "| state | meaning |\n| --- | --- |"]
        parts[-1] += "\n" + "\n".join(rows)
    parts.append("## Joint rules\nWhat must hold between an order and its parts at any moment.")
    rows = [f"| {rule.name} | {', '.join(_in_order(rule.states))} |" for rule in JOINT_RULES]
    parts.append("\n".join(["| rule | in |", "| --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"


def _in_order(states: frozenset[OrderState]) -> list[str]:
    return [state for state in OrderState if state in states]


def readme(text: str) -> str:
    """README.md with its diagrams as the tables say."""
    named = {machine.name: machine for machine in machines()}
    return _PLACE.sub(lambda at: f"{at[1]}{diagram(named[at[2]])}\n{at[3]}", text)


def main() -> None:
    """Writes both."""
    PAGE.write_text(page(), "utf-8")
    README.write_text(readme(README.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
