"""The commands of `holdfast`.

Their modules import what is slow to load (grpc, rich) only when they run: `--help` is quick.
"""

from collections.abc import Sequence
from typing import Literal

from cyclopts import App

from holdfast.cli import summaries
from holdfast.cli.arguments import OPERATE, RUN, SET_UP

HELP = """Stock for flash sales: every unit goes to exactly one order.

Start with `holdfast demo` for the whole story in a minute, or with
`holdfast dev` for a server of your own; then, in another terminal:

  holdfast stock set SKU-1 50
  holdfast stock list
  holdfast audit
"""

# Options of every command for a running server, which may also stand before the command.
LEADING_OPTIONS = ("--target", "--orders-target", "--tenant", "--output", "-o")
STANDARD_INPUT = "/dev/stdin"


def _version() -> str:
    from holdfast import __version__

    return __version__


app = App(name="holdfast", help=HELP, help_format="plaintext", version=_version)
# By their paths: a module is imported when its command runs, or when a list of commands shows it.
app.command("holdfast.cli.server_commands:dev", name="dev", group=RUN)
app.command("holdfast.cli.server_commands:serve", name="serve", group=RUN)
app.command("holdfast.cli.demo:demo", name="demo", group=RUN)
app.command("holdfast.cli.server_commands:rehearse", name="rehearse", group=RUN)
app.command(
    "holdfast.cli.stock:app",
    name="stock",
    group=OPERATE,
    help="Reads and sets what there is to sell.",
)
app.command(
    "holdfast.cli.reservation:app",
    name="reservation",
    group=OPERATE,
    help="Reads reservations, and moves them by hand.",
)
app.command(
    "holdfast.cli.orders.app:app",
    name="orders",
    group=OPERATE,
    help="Orders with their payments and parcels, from the order service.",
)
app.command(
    "holdfast.cli.aftersales.app:app",
    name="aftersales",
    group=OPERATE,
    help="What happens to goods and money once an order has left.",
)
app.command(
    "holdfast.cli.settlement.app:app",
    name="settlement",
    group=OPERATE,
    help="Where orders' money is, and what merchants get of it.",
)
app.command(
    "holdfast.cli.sandbox.app:app",
    name="sandbox",
    group=OPERATE,
    help="Steers the pretended payment provider and carrier of `holdfast dev`.",
)
app.command("holdfast.cli.explain:explain", name="explain", group=OPERATE)
app.command("holdfast.cli.audit:audit", name="audit", group=OPERATE)
app.command("holdfast.cli.status:status", name="status", group=OPERATE)
app.command(
    "holdfast.cli.server:app",
    name="server",
    group=OPERATE,
    help="Decisions about a running engine.",
)


@app.command(group=SET_UP)
def completion(shell: Literal["bash", "zsh", "fish"], /, *, install: bool = False) -> None:
    """Prints the completion script of a shell, or installs it.

    For example:
      eval "$(holdfast completion bash)"
      holdfast completion zsh --install

    Parameters
    ----------
    shell
        The shell to complete in.
    install
        Write the script where the shell looks for it, and load it in the shell's start-up file.
    """
    if install:
        path = app.install_completion(shell=shell)
        print(f"Installed {path}; open a new shell to use it.")
    else:
        print(app.generate_completion(shell=shell))


def as_cyclopts_reads(arguments: Sequence[str]) -> list[str]:
    """The arguments with what cyclopts does not know said in another way.

    Options that stand before the command are moved behind it (`-o json status`), and the `-` of
    `stock import -`, which it takes for an option, becomes the file that it means.
    """
    leading = 0
    while leading < len(arguments) and arguments[leading].startswith(LEADING_OPTIONS):
        leading += 1 if "=" in arguments[leading] else 2
    options, rest = list(arguments[:leading]), list(arguments[leading:])
    if "import" in rest[1:3]:
        rest = [STANDARD_INPUT if argument == "-" else argument for argument in rest]
    end = rest.index("--") if "--" in rest else len(rest)
    return rest[:end] + options + rest[end:]


def show_what_is_listed(arguments: Sequence[str]) -> None:
    """Sees to it that the list of a group which is asked for as such says what each is for."""
    _, groups, _ = app.parse_commands([word for word in arguments if word not in app.help_flags])
    summaries.show_what_is_listed(groups[-1])
