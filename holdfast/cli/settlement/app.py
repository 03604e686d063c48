"""`holdfast settlement ...`: where orders' money is, and what merchants get of it."""

from cyclopts import App

from holdfast.cli.arguments import MONEY, OPERATE

app = App(
    name="settlement",
    group=OPERATE,
    help="Where orders' money is, and what merchants get of it.",
)

# By their paths: each command imports its own module, and `settlement --help` all of them.
app.command("holdfast.cli.settlement.books:balances", group=MONEY)
app.command("holdfast.cli.settlement.books:journals", group=MONEY)
app.command("holdfast.cli.settlement.books:remitted", group=MONEY)
app.command("holdfast.cli.settlement.statements:statements", group=MONEY)
app.command("holdfast.cli.settlement.statements:statement", group=MONEY)
app.command("holdfast.cli.settlement.statements:export", group=MONEY)
app.command("holdfast.cli.settlement.statements:confirm", group=MONEY)
app.command("holdfast.cli.settlement.statements:object_", name="object", group=MONEY)
app.command("holdfast.cli.settlement.statements:answer", group=MONEY)
app.command("holdfast.cli.settlement.statements:pay", group=MONEY)
app.command("holdfast.cli.settlement.statements:payout", group=MONEY)
app.command("holdfast.cli.settlement.contracts:contracts", name="contracts")
