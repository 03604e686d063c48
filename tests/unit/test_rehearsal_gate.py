"""The gate of a rehearsal: which sales it lets pass, and which it does not."""

from html import escape

import pytest

from benchmarks.flash_sale import report
from benchmarks.flash_sale.gate import Closing, LoadSeen, Row, Seen, SkuCount, passed, table
from benchmarks.flash_sale.sale import Sale
from holdfast.types import AuditSummary

SLO_P99_MS = 50.0
LOAD = LoadSeen(accepted=12, refused=8, p99_ms=49.9, errors=0, exceptions=0)
SOLD_OUT = (SkuCount("a", start=10, sold=10, reserved=0, available=0),)
AUDIT = AuditSummary(
    ok=True,
    levels=1,
    reservations=12,
    buyers=12,
    journal_entries=30,
    findings=0,
    unsettled=0,
    elapsed_ms=3,
)
CLOSING = Closing(SOLD_OUT, {"a": 18}, contradictions=(), beyond_limit=0)
SEEN = Seen(SOLD_OUT, AUDIT, CLOSING)


def failed(seen: Seen, load: LoadSeen = LOAD) -> list[str]:
    """The conditions that do not hold."""
    return [row.what for row in table(seen, load, SLO_P99_MS) if row.limit and not row.holds]


def closed_with(*counts: SkuCount, wanted: dict[str, int]) -> Seen:
    return Seen(counts, AUDIT, Closing(counts, wanted, (), 0))


def test_a_sale_in_which_everything_holds_passes() -> None:
    assert failed(SEEN) == []
    assert passed(table(SEEN, LOAD, SLO_P99_MS))


@pytest.mark.parametrize(
    ("load", "condition"),
    [
        (LOAD._replace(p99_ms=50.1), "p99 of accepted Reserve calls"),
        (LOAD._replace(accepted=0, p99_ms=0), "p99 of accepted Reserve calls"),
        (LOAD._replace(errors=1), "calls that failed"),
        (LOAD._replace(exceptions=1), "exceptions in the users"),
    ],
)
def test_a_load_that_was_slow_or_unwell_fails(load: LoadSeen, condition: str) -> None:
    assert failed(SEEN, load) == [condition]


@pytest.mark.parametrize(
    ("closing", "condition"),
    [
        (CLOSING._replace(beyond_limit=1), "reservations beyond the limit per buyer"),
        (CLOSING._replace(contradictions=("x",)), "answers to buyers that the engine contradicts"),
    ],
)
def test_books_that_disagree_fail(closing: Closing, condition: str) -> None:
    assert failed(SEEN._replace(closing=closing)) == [condition]


@pytest.mark.parametrize(
    ("audit", "condition"),
    [
        ({"findings": 1}, "findings of the engine's audit"),
        ({"unsettled": 1}, "rows that the audit could not settle"),
    ],
)
def test_an_audit_with_findings_or_unsettled_rows_fails(
    audit: dict[str, int], condition: str
) -> None:
    values = {name: getattr(AUDIT, name) for name in AUDIT.__slots__}
    assert failed(SEEN._replace(audit=AuditSummary(**values | audit))) == [condition]


def test_more_units_sold_than_there_were_is_oversold() -> None:
    seen = closed_with(SkuCount("a", 10, 11, 0, 0), wanted={"a": 18})
    assert failed(seen) == ["units oversold", "units sold = min(demand, stock)"]


def test_reserved_units_count_as_oversold_while_the_sale_runs() -> None:
    seen = Seen((SkuCount("a", 10, 9, 2, 0),))
    (row,) = (row for row in table(seen, LOAD, SLO_P99_MS) if row.what == "units oversold")
    assert (row.seen, row.holds) == ("1", False)


def test_a_unit_that_stays_while_somebody_wants_it_is_undersold() -> None:
    seen = closed_with(SkuCount("a", 10, 9, 0, 1), wanted={"a": 10})
    assert failed(seen) == ["units undersold", "units sold = min(demand, stock)"]


def test_a_unit_that_nobody_wants_may_stay() -> None:
    assert failed(closed_with(SkuCount("a", 10, 9, 0, 1), wanted={"a": 9})) == []


def test_an_article_oversold_does_not_make_up_for_one_undersold() -> None:
    seen = closed_with(
        SkuCount("a", 10, 11, 0, 0), SkuCount("b", 10, 9, 0, 1), wanted={"a": 20, "b": 20}
    )
    assert failed(seen) == ["units oversold", "units undersold", "units sold = min(demand, stock)"]


def test_a_sale_that_was_not_brought_to_its_end_fails() -> None:
    stopped = failed(Seen(SOLD_OUT, AUDIT))
    assert "the sale was brought to its end" in stopped
    assert "units undersold" in stopped
    assert "units oversold" not in stopped
    assert not passed(table(Seen(SOLD_OUT, AUDIT), LOAD, SLO_P99_MS))


def test_a_sale_that_could_not_be_looked_at_fails() -> None:
    assert failed(SEEN._replace(problem="gone")) == ["the sale was brought to its end"]


def test_the_account_is_the_same_printed_in_html_and_as_json() -> None:
    rows = [*table(SEEN._replace(problem="gone"), LOAD, SLO_P99_MS), Row("<row>", "1")]
    sale = Sale("r1", "t", ("a",), 10, 2, 0.5, 1.0, 6.0)
    text, html = report.to_text(rows, ["a finding"]), report.to_html(rows, ["a finding"])
    document = report.to_json(sale, rows, SEEN, ["a finding"])
    for row in rows:
        assert row.what in text
        assert escape(row.what) in html
    assert [row["what"] for row in document["rows"]] == [row.what for row in rows]
    assert "<row>" not in html
    assert "Gate: FAILED" in text
    assert "Gate: FAILED" in html
    assert document["ok"] is False
    assert all("a finding" in shown for shown in (text, html, document["findings"]))


def test_the_section_comes_first_in_locusts_report() -> None:
    page = report.with_audit("<html><body><div></div></body></html>", "<section></section>")
    assert page == "<html><body><section></section><div></div></body></html>"
