"""Imports of CSV files: a stream, checked whole before any of it is sent, sent in batches."""
