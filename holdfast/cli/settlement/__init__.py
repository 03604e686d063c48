"""The commands of `holdfast settlement`, one module a subject."""
