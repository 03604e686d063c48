"""From samples to readings, medians, ratios, and the verdict of a run."""

import msgspec

from benchmarks.document import AuditTotal, Document, Ratio, Result, packed, ratios_of, total_of
from benchmarks.report import for_terminal, ratio_rows, result_rows
from benchmarks.rounds import Audit
from benchmarks.sample import (
    APPLIED,
    OUT_OF_STOCK,
    Measured,
    Reading,
    Used,
    median_of,
    reading_of,
    sample_of,
)
from benchmarks.targets import TARGETS, Target

NOTHING_USED = Used(0.0, 0.0, 0.0, 0)


def reading(per_s: float, **about: float) -> Reading:
    figures = {"p50_ms": 1.0, "p99_ms": 2.0, "accepted": 10, "refused": 0, "errors": 0} | about
    return msgspec.convert({"per_s": per_s} | figures, Reading)


def document(**about: object) -> Document:
    result = Result(
        name="reserve_64",
        title="Reserve",
        per_s=3_000.0,
        p50_ms=1.0,
        p99_ms=2.0,
        accepted=10,
        refused=0,
        errors=0,
        audit=Audit(10, 10, 0),
    )
    given = {
        "date": "2026-01-02 03:04 UTC",
        "commit": "abc",
        "machine": {"cpus": 2},
        "versions": {},
        "rounds": 3,
        "workers": 1,
        "took_s": 1,
        "results": [result],
        "ratios": [],
        "audit": AuditTotal(True, 1, 10, 0),
    }
    return Document(**given | about)  # type: ignore[arg-type]


def test_a_command_that_ends_otherwise_than_it_should_is_an_error() -> None:
    sample = sample_of(Measured((), [0.001] * 4, 1.0), {APPLIED: 3, OUT_OF_STOCK: 1}, errors=2)
    assert reading_of(sample, APPLIED, NOTHING_USED).errors == 3
    assert reading_of(sample, OUT_OF_STOCK, NOTHING_USED).errors == 5


def test_costs_are_of_a_command_and_absent_where_nothing_is_known() -> None:
    sample = sample_of(Measured((), [0.1] * 2, 1.0, cpu_s=0.002), {APPLIED: 2_000})
    found = reading_of(sample, APPLIED, Used(0.02, 0.01, 0.004, 2))
    costs = (found.server_cpu_us, found.store_cpu_us, found.script_us, found.load_cpu_us)
    assert costs == (10.0, 5.0, 2.0, 1.0)
    assert found.commands_a_batch == 1_000
    assert reading_of(sample, APPLIED, NOTHING_USED).server_cpu_us is None


def test_figures_are_medians_and_counts_are_sums() -> None:
    found = median_of([reading(1.0, errors=1), reading(9.0), reading(2.0, errors=4)])
    assert (found.per_s, found.errors, found.accepted) == (2.0, 5, 30)


def test_a_ratio_is_taken_within_each_round() -> None:
    target = Target("t", "t", "ours", ("theirs",), at_least=0.5)
    rounds = [
        {"ours": reading(50), "theirs": reading(100)},
        {"ours": reading(6), "theirs": reading(10)},  # the machine was slow for both
        {"ours": reading(70), "theirs": reading(100)},
    ]
    assert target.value(rounds) == 0.6
    assert target.value([{"ours": reading(50)}]) is None


def test_a_ratio_is_over_the_best_of_the_others() -> None:
    target = Target("t", "t", "ours", ("python", "c"))
    assert target.value([{"ours": reading(10), "python": reading(2), "c": reading(5)}]) == 2.0


def test_a_bound_may_be_from_below_or_from_above() -> None:
    assert Target("t", "t", "ours", at_least=2).reached(2.0)
    assert not Target("t", "t", "ours", at_least=2).reached(1.9)
    assert Target("t", "t", "ours", at_most=3, figure="p99_ms").reached(3.0)
    assert not Target("t", "t", "ours", at_most=3).reached(3.1)
    assert Target("t", "t", "ours").reached(1.0) is None


def test_every_target_has_a_name_of_its_own_and_only_measured_ones_are_shown() -> None:
    assert len({target.name for target in TARGETS}) == len(TARGETS)
    (ratio,) = ratios_of([{"apply_hot": reading(90_000)}])
    assert (ratio.name, ratio.value, ratio.reached) == ("apply_hot", 90_000, True)


def test_an_audit_is_sound_only_if_the_store_has_what_the_answers_add_up_to() -> None:
    assert Audit(reservations=10, answered=10, findings=0).ok
    assert not Audit(reservations=9, answered=10, findings=0).ok
    assert not Audit(reservations=11, answered=10, findings=0).ok
    assert not Audit(reservations=10, answered=10, findings=1).ok
    assert not total_of({"a": Audit(10, 10, 0), "b": Audit(9, 10, 0)}).ok


def test_a_run_fails_on_an_audit_or_an_error_and_not_on_a_bound() -> None:
    missed = Ratio(name="r", title="r", value=1.0, at_least=2.0, reached=False)
    assert document(ratios=[missed]).ok
    assert not document(audit=AuditTotal(False, 1, 9, 0)).ok
    wrong = msgspec.structs.replace(document().results[0], errors=1)
    assert not document(results=[wrong]).ok


def test_a_document_is_read_as_it_was_written() -> None:
    assert msgspec.json.decode(packed(document()), type=Document) == document()


def test_accepted_and_refused_stand_in_columns_of_their_own() -> None:
    sold = document().results[0]
    refused = msgspec.structs.replace(sold, accepted=0, refused=10)
    (first, second) = result_rows([sold, refused])
    assert (first[1], first[2]) == ("3,000", "")
    assert (second[1], second[2]) == ("", "3,000")


def test_the_report_names_what_missed_its_bound() -> None:
    missed = Ratio(name="r", title="a ratio", value=1.0, at_least=2.0, reached=False)
    assert ratio_rows([missed]) == [("a ratio", "1", "at least 2", "NO")]
    printed = for_terminal(document(ratios=[missed]))
    assert "nothing wrong" in printed
    assert "NOT SOUND" in for_terminal(document(audit=AuditTotal(False, 1, 9, 0)))
