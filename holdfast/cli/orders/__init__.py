"""The commands of `holdfast orders`, one module a subject."""
