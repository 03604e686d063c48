"""Writes docs/states.md and the diagrams of README.md from the state machines' tables.

`python -m tools.make_state_diagrams`. In README.md it replaces what is between
`<!-- states: MACHINE -->` and `<!-- end -->`.
"""

import ast
import inspect
import re
from pathlib import Path

from order_service.order import states
from order_service.order.parts import machines
from order_service.order.states import JOINT_RULES, Machine, OrderState

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "states.md"
HEADER = (
    "Written by `python -m tools.make_state_diagrams` from `order_service/order/states.py`; the "
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


def meanings() -> dict[str, dict[str, str]]:
    """The meaning of each state, by its enum's name: the text under it in the source."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(states)).body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("State"):
            found[node.name] = {
                assigned.targets[0].id: text.value.value.replace("\n", " ")
                for assigned, text in zip(node.body, node.body[1:], strict=False)
                if isinstance(assigned, ast.Assign)
                and isinstance(assigned.targets[0], ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            }
    return found


def page() -> str:
    """docs/states.md."""
    parts = [
        "# State machines",
        HEADER,
    ]
    for machine in machines():
        explained = meanings()[type(machine.first).__name__]
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
