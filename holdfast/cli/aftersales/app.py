"""`holdfast aftersales ...`: what happens to goods and money once an order has left."""

from cyclopts import App

from holdfast.cli.arguments import OPERATE, PARCELS

app = App(
    name="aftersales",
    group=OPERATE,
    help="What happens to goods and money once an order has left.",
)

# By their paths: each command imports its own module, and `aftersales --help` all of them.
app.command("holdfast.cli.aftersales.returns:app", name="returns")
app.command("holdfast.cli.aftersales.intercepts:intercept", group=PARCELS)
app.command("holdfast.cli.aftersales.intercepts:app", name="intercepts")
app.command("holdfast.cli.aftersales.policy:app", name="policy")
app.command("holdfast.cli.aftersales.arrivals:app", name="arrivals")
