"""A flash sale for Locust: who comes and when, the answers they got, and whether it held.

`books`, `gate`, `options`, `report` and `sale` decide from values and know
nothing of Locust; `users`, `rehearsal` and `web` are what Locust runs.
"""
