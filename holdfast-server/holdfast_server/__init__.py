"""The folder of Holdfast's programs: nothing to import, see `holdfast.programs`."""
