"""`holdfast orders ...`: orders, from being placed to being received."""

from cyclopts import App

from holdfast.cli.groups import MONEY, OPERATE, ORDERS, PARCELS, SERVICE
from holdfast.cli.orders import audit as orders_audit
from holdfast.cli.orders import catalogue as orders_catalogue
from holdfast.cli.orders import money as orders_money
from holdfast.cli.orders import parcels as orders_parcels
from holdfast.cli.orders import place as orders_place
from holdfast.cli.orders import quarantine as orders_quarantine
from holdfast.cli.orders import read as orders_read
from holdfast.cli.orders import remarks as orders_remarks
from holdfast.cli.orders import serve as orders_serve
from holdfast.cli.orders import tasks as orders_tasks
from holdfast.cli.orders import tracking as orders_tracking
from holdfast.cli.orders import warehouse as orders_warehouse

app = App(
    name="orders",
    group=OPERATE,
    help="Orders with their payments and parcels, from the order service.",
)

app.command(orders_place.place, group=ORDERS)
app.command(orders_read.get, group=ORDERS)
app.command(orders_read.list_, name="list", group=ORDERS)
app.command(orders_place.cancel, group=ORDERS)
app.command(orders_place.complete, group=ORDERS)
app.command(orders_read.timeline, group=ORDERS)
app.command(orders_remarks.remark, group=ORDERS)
app.command(orders_remarks.remarks, group=ORDERS)
app.command(orders_remarks.correct, group=ORDERS)
app.command(orders_money.pay, group=MONEY)
app.command(orders_money.payments, group=MONEY)
app.command(orders_money.refund, group=MONEY)
app.command(orders_money.refunds)
app.command(orders_money.settle, group=MONEY)
app.command(orders_read.receipt, group=MONEY)
app.command(orders_quarantine.quarantine)
app.command(orders_money.reconcile, group=MONEY)
app.command(orders_money.books, group=MONEY)
app.command(orders_warehouse.review)
app.command(orders_warehouse.wave, group=PARCELS)
app.command(orders_warehouse.picks, group=PARCELS)
app.command(orders_warehouse.pick, group=PARCELS)
app.command(orders_warehouse.pack, group=PARCELS)
app.command(orders_warehouse.ship, group=PARCELS)
app.command(orders_warehouse.cancel_shipment, group=PARCELS)
app.command(orders_parcels.shipments, group=PARCELS)
app.command(orders_parcels.track, group=PARCELS)
app.command(orders_tracking.record, group=PARCELS)
app.command(orders_tracking.temperature, group=PARCELS)
app.command(orders_parcels.incidents)
app.command(orders_catalogue.articles)
app.command(orders_catalogue.warehouses)
app.command(orders_tasks.tasks, group=SERVICE)
app.command(orders_tasks.replay, group=SERVICE)
app.command(orders_tasks.drop, group=SERVICE)
app.command(orders_tasks.status, group=SERVICE)
app.command(orders_audit.audit, group=SERVICE)
app.command(orders_serve.serve, group=SERVICE)
