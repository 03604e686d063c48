"""What can be ordered, from which warehouses it comes, and where places are."""
