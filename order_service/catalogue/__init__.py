"""The catalogue: articles, the warehouses they come from, and where places are."""
