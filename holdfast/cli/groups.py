"""The headings of `--help`, in their order."""

from cyclopts import Group

RUN = Group("Run", sort_key=1)
OPERATE = Group("Operate", sort_key=2)
SET_UP = Group("Set up", sort_key=3)
SERVER_AND_OUTPUT = Group("Server and output", sort_key=4)
