"""The policy of after-sales: versions of its clauses, and what follows from them. Pure.

`clauses.py` is the one table of clauses; `document.py` reads what a shop puts; `versions.py` says
which version judges an order; `windows.py`, `deadlines.py` and `triage.py` judge by one.
"""
