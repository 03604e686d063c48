"""`holdfast orders ...`: orders, from being placed to being received."""

from cyclopts import App

from holdfast.cli.arguments import MONEY, OPERATE, ORDERS, PARCELS, SERVICE

app = App(
    name="orders",
    group=OPERATE,
    help="Orders with their payments and parcels, from the order service.",
)

# By their paths: each command imports its own module, and `orders --help` none of them.
app.command("holdfast.cli.orders.place:place", group=ORDERS)
app.command("holdfast.cli.orders.orders_import:import_orders", name="import", group=ORDERS)
app.command("holdfast.cli.orders.read:get", group=ORDERS)
app.command("holdfast.cli.orders.read:list_", name="list", group=ORDERS)
app.command("holdfast.cli.orders.read:find", group=ORDERS)
app.command("holdfast.cli.orders.place:cancel", group=ORDERS)
app.command("holdfast.cli.orders.place:complete", group=ORDERS)
app.command("holdfast.cli.orders.read:timeline", group=ORDERS)
app.command("holdfast.cli.orders.remarks:remark", group=ORDERS)
app.command("holdfast.cli.orders.remarks:remarks", group=ORDERS)
app.command("holdfast.cli.orders.remarks:correct", group=ORDERS)
app.command("holdfast.cli.orders.money:pay", group=MONEY)
app.command("holdfast.cli.orders.money:payments", group=MONEY)
app.command("holdfast.cli.orders.money:pending", group=MONEY)
app.command("holdfast.cli.orders.refunds:refund", group=MONEY)
app.command("holdfast.cli.orders.refunds:app", name="refunds", group=MONEY)
app.command("holdfast.cli.orders.refunds:settle", group=MONEY)
app.command("holdfast.cli.orders.read:receipt", group=MONEY)
app.command("holdfast.cli.orders.money:quarantine", name="quarantine", group=MONEY)
app.command("holdfast.cli.orders.cases:cases", name="cases", group=MONEY)
app.command("holdfast.cli.orders.money:reconcile", group=MONEY)
app.command("holdfast.cli.orders.money:books", group=MONEY)
app.command("holdfast.cli.orders.review:review", name="review", group=PARCELS)
app.command("holdfast.cli.orders.warehouse:wave", group=PARCELS)
app.command("holdfast.cli.orders.warehouse:waves", group=PARCELS)
app.command("holdfast.cli.orders.warehouse:picks", group=PARCELS)
app.command("holdfast.cli.orders.warehouse:pick", group=PARCELS)
app.command("holdfast.cli.orders.warehouse:pack", group=PARCELS)
app.command("holdfast.cli.orders.warehouse:ship", group=PARCELS)
app.command("holdfast.cli.orders.warehouse:cancel_shipment", group=PARCELS)
app.command("holdfast.cli.orders.shipments:ship_all_the_same", group=PARCELS)
app.command("holdfast.cli.orders.shipments:shipments", group=PARCELS)
app.command("holdfast.cli.orders.shipments:track", group=PARCELS)
app.command("holdfast.cli.orders.shipments:record", group=PARCELS)
app.command("holdfast.cli.orders.shipments:temperature", group=PARCELS)
app.command("holdfast.cli.orders.shipments:incidents", name="incidents", group=PARCELS)
app.command("holdfast.cli.orders.catalogue:articles", name="articles", group=SERVICE)
app.command("holdfast.cli.orders.catalogue:warehouses", name="warehouses", group=SERVICE)
app.command("holdfast.cli.orders.places:places", name="places", group=SERVICE)
app.command("holdfast.cli.orders.tasks:tasks", group=SERVICE)
app.command("holdfast.cli.orders.tasks:replay", group=SERVICE)
app.command("holdfast.cli.orders.tasks:drop", group=SERVICE)
app.command("holdfast.cli.orders.tasks:status", group=SERVICE)
app.command("holdfast.cli.orders.audit:audit", group=SERVICE)
app.command("holdfast.cli.orders.serve:serve", group=SERVICE)
