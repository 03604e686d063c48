"""`holdfast aftersales ...`: what happens to goods and money once an order has left."""

from cyclopts import App

from holdfast.cli.arguments import CASES, OPERATE, PARCELS

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
app.command("holdfast.cli.aftersales.case_requests:request", group=CASES)
app.command("holdfast.cli.aftersales.case_requests:preview", group=CASES)
app.command("holdfast.cli.aftersales.cases:list_cases", name="list", group=CASES)
app.command("holdfast.cli.aftersales.cases:get", group=CASES)
app.command("holdfast.cli.aftersales.case_answers:answer", group=CASES)
app.command("holdfast.cli.aftersales.case_answers:propose", group=CASES)
app.command("holdfast.cli.aftersales.case_answers:agree", group=CASES)
app.command("holdfast.cli.aftersales.case_answers:withdraw", group=CASES)
app.command("holdfast.cli.aftersales.cases:explain", group=CASES)
app.command("holdfast.cli.aftersales.repair:repair", group=PARCELS)
