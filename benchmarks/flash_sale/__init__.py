"""A flash sale for Locust: who comes and when, the answers they got, and whether it held.

`books`, `gate`, `options`, `plan`, `report` and `sale` decide from values and know
nothing of Locust; `users`, `shape`, `rehearsal` and `web` are what Locust runs.
"""
