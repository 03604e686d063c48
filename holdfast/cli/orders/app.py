"""`holdfast orders ...`: orders, from being placed to being received."""

from cyclopts import App

from holdfast.cli.arguments import MONEY, OPERATE, ORDERS, PARCELS, SERVICE
from holdfast.cli.orders import (
    audit,
    cases,
    catalogue,
    money,
    orders_import,
    place,
    places,
    read,
    refunds,
    remarks,
    review,
    serve,
    shipments,
    tasks,
    warehouse,
)

app = App(
    name="orders",
    group=OPERATE,
    help="Orders with their payments and parcels, from the order service.",
)

app.command(place.place, group=ORDERS)
app.command(orders_import.import_orders, name="import", group=ORDERS)
app.command(read.get, group=ORDERS)
app.command(read.list_, name="list", group=ORDERS)
app.command(read.find, group=ORDERS)
app.command(place.cancel, group=ORDERS)
app.command(place.complete, group=ORDERS)
app.command(read.timeline, group=ORDERS)
app.command(remarks.remark, group=ORDERS)
app.command(remarks.remarks, group=ORDERS)
app.command(remarks.correct, group=ORDERS)
app.command(money.pay, group=MONEY)
app.command(money.payments, group=MONEY)
app.command(money.pending, group=MONEY)
app.command(refunds.refund, group=MONEY)
app.command(refunds.app)
app.command(refunds.settle, group=MONEY)
app.command(read.receipt, group=MONEY)
app.command(money.quarantine)
app.command(cases.cases)
app.command(money.reconcile, group=MONEY)
app.command(money.books, group=MONEY)
app.command(review.review)
app.command(warehouse.wave, group=PARCELS)
app.command(warehouse.waves, group=PARCELS)
app.command(warehouse.picks, group=PARCELS)
app.command(warehouse.pick, group=PARCELS)
app.command(warehouse.pack, group=PARCELS)
app.command(warehouse.ship, group=PARCELS)
app.command(warehouse.cancel_shipment, group=PARCELS)
app.command(shipments.ship_all_the_same, group=PARCELS)
app.command(shipments.shipments, group=PARCELS)
app.command(shipments.track, group=PARCELS)
app.command(shipments.record, group=PARCELS)
app.command(shipments.temperature, group=PARCELS)
app.command(shipments.incidents)
app.command(catalogue.articles)
app.command(catalogue.warehouses)
app.command(places.places)
app.command(tasks.tasks, group=SERVICE)
app.command(tasks.replay, group=SERVICE)
app.command(tasks.drop, group=SERVICE)
app.command(tasks.status, group=SERVICE)
app.command(audit.audit, group=SERVICE)
app.command(serve.serve, group=SERVICE)
