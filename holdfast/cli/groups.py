"""The headings of `--help`, in their order."""

from cyclopts import Group

RUN = Group("Run", sort_key=1)
OPERATE = Group("Operate", sort_key=2)
SET_UP = Group("Set up", sort_key=3)
SERVER_AND_OUTPUT = Group("Server and output", sort_key=4)

ORDERS = Group("Orders", sort_key=11)
MONEY = Group("Money", sort_key=12)
PARCELS = Group("Warehouse and parcels", sort_key=13)
SERVICE = Group("The service", sort_key=14)
