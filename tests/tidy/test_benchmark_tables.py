"""The benchmarks' tables in the READMEs are as the latest run says."""

from benchmarks.document import LATEST, read
from tools.make_benchmark_tables import FILES, TABLES, written


def test_the_tables_are_as_the_latest_run_says() -> None:
    document = read(LATEST)
    for path in FILES:
        text = path.read_text("utf-8")
        assert text == written(text, document), f"{path}: `python -m tools.make_benchmark_tables`"


def test_every_table_is_shown_somewhere() -> None:
    pages = "".join(path.read_text("utf-8") for path in FILES)
    for name in TABLES:
        assert f"<!-- benchmarks: {name} -->" in pages
