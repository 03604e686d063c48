"""Windows, exclusions, deadlines and pauses of a policy, on the examples of the specification.

F of the examples is one parcel, signed on 2026-03-01 at 10:00 in Shanghai; P1 is the default
policy.
"""

from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from order_service.aftersales.policy.clauses import CLAUSES, EXCLUDED, window_name
from order_service.aftersales.policy.deadlines import (
    Lapsing,
    Pause,
    deadline,
    deadline_does,
    is_in_time,
    moved,
)
from order_service.aftersales.policy.document import DEFAULT, PRESETS, Policy, read_document
from order_service.aftersales.policy.versions import following, in_force, judging
from order_service.aftersales.policy.windows import (
    Asked,
    Stage,
    Verdict,
    eligible,
    received_at_ms,
    window_of,
)
from order_service.order.cases import CASE, CaseEvent, CaseKind, CaseReason, CaseState
from order_service.order.refusals import InvalidField

SHANGHAI = "Asia/Shanghai"
_S, _R, _K = CaseState, CaseReason, CaseKind


def at(text: str, zone: str = SHANGHAI) -> int:
    """A moment of 2026, such as `03-01 10:00` or `03-08 23:59:59.999`."""
    moment = datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp() * 1_000)


SIGNED = at("03-01 10:00")


def asked(
    moment: str,
    reason: CaseReason = _R.NO_REASON,
    *,
    received: int = SIGNED,
    kind: CaseKind = _K.RETURN_REFUND,
    stage: Stage = Stage.RECEIVED,
    flags: frozenset[str] = frozenset(),
) -> Asked:
    """A request at a moment about units that were received."""
    return Asked(
        kind=kind,
        reason=reason,
        stage=stage,
        asked_at_ms=at(moment),
        received_at_ms=received,
        flags=flags,
    )


def put(content: str, versions: list[Policy], now: str) -> Policy:
    """A version that was put at a moment behind others."""
    made = following(versions, read_document(content.encode()), at(now))
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("moment", "taken"), [("03-08 23:59:59.999", True), ("03-09 00:00", False)]
)
def test_example_6_seven_days_run_from_the_midnight_after_the_receipt(
    moment: str, taken: bool
) -> None:
    verdict = eligible(DEFAULT, asked(moment))
    assert verdict.allowed is taken
    assert verdict.finding.clause == "window.NO_REASON.days"
    assert verdict.ends_at_ms == at("03-09 00:00")


@pytest.mark.parametrize(
    ("moment", "taken"), [("03-16 23:59:59.999", True), ("03-17 00:00", False)]
)
def test_example_7_a_fault_may_be_said_for_fifteen_days(moment: str, taken: bool) -> None:
    assert eligible(DEFAULT, asked(moment, _R.QUALITY)).allowed is taken


@pytest.mark.parametrize(("reason", "taken"), [(_R.NO_REASON, False), (_R.DAMAGED, True)])
def test_example_8_fragile_goods_come_back_only_for_a_fault(
    reason: CaseReason, taken: bool
) -> None:
    verdict = eligible(DEFAULT, asked("03-02 10:00", reason, flags=frozenset({"fragile"})))
    assert verdict.allowed is taken
    assert taken or verdict.finding.clause == EXCLUDED


@pytest.mark.parametrize(("received", "taken"), [("03-05 10:00", True), ("03-01 10:00", False)])
def test_example_9_the_window_of_a_unit_is_that_of_its_own_parcel(
    received: str, taken: bool
) -> None:
    assert eligible(DEFAULT, asked("03-12 23:59", received=at(received))).allowed is taken


@pytest.mark.parametrize(
    ("preset", "state", "entered", "ends"),
    [
        pytest.param("default", _S.WITH_MERCHANT, "03-02 09:00", "03-04 09:00", id="example_10"),
        pytest.param("default", _S.INSPECTING, "03-10 12:00", "03-13 12:00", id="example_11"),
        pytest.param("wechat", _S.INSPECTING, "03-10 12:00", "03-20 12:00", id="example_12"),
        pytest.param("default", _S.AWAITING_RETURN, "03-04 09:00", "03-11 09:00", id="example_13"),
        pytest.param("seed3", _S.WITH_MERCHANT, "03-02 09:00", "03-05 09:00", id="seed3"),
    ],
)
def test_examples_10_to_13_a_state_ends_at_its_deadline_to_the_millisecond(
    preset: str, state: CaseState, entered: str, ends: str
) -> None:
    deadline_at_ms = deadline(PRESETS[preset], state, at(entered))
    assert deadline_at_ms == at(ends)
    assert is_in_time(at(ends) - 1, deadline_at_ms)
    assert not is_in_time(at(ends), deadline_at_ms)


NEW_YEAR = Pause(_S.AWAITING_RETURN, at("03-05 00:00"), at("03-08 00:00"))


def test_example_14_a_pause_moves_a_deadline_by_the_time_both_have_in_common() -> None:
    entered = at("03-04 09:00")
    assert deadline(DEFAULT, _S.AWAITING_RETURN, entered, [NEW_YEAR]) == at("03-14 09:00")
    assert deadline(DEFAULT, _S.WITH_BUYER, entered, [NEW_YEAR]) == at("03-11 09:00")


def test_example_15_a_late_act_is_too_late_however_late_the_timer_is() -> None:
    deadline_at_ms = deadline(DEFAULT, _S.WITH_MERCHANT, at("03-02 09:00"))
    assert not is_in_time(at("03-04 09:30"), deadline_at_ms)
    facts = Lapsing(state=_S.WITH_MERCHANT, kind=_K.RETURN_REFUND, stage=Stage.RECEIVED)
    assert deadline_does(facts) is CaseEvent.TAKE_BACK


def test_example_43_the_version_in_force_when_it_was_placed_judges_an_order() -> None:
    content = '{"policy_id": "P2", "clauses": {"window.NO_REASON.days": 5}}'
    versions = [put(content, [], "03-05 00:00")]
    before = judging(versions, SIGNED, at("03-07 12:00"))
    after = judging(versions, at("03-05 00:00"), at("03-12 12:00"))
    assert eligible(before, asked("03-07 12:00")).allowed
    assert (before.version, after.version) == (0, 1)
    refused = eligible(before, asked("03-09 00:00")).finding
    assert refused.version == "default (built in)"
    late = eligible(after, asked("03-12 12:00", received=at("03-06 10:00")))
    assert (late.allowed, late.finding.version) == (False, "policy P2 version 1")


def test_example_44_without_a_time_of_delivery_nothing_is_taken_back() -> None:
    verdict = eligible(DEFAULT, asked("03-02 10:00", received=0))
    assert not verdict.allowed
    assert verdict.finding.comparison == "no time of delivery is known"


def test_the_first_of_delivery_and_the_buyers_word_is_the_receipt() -> None:
    assert received_at_ms(SIGNED, SIGNED - 1) == SIGNED - 1
    assert received_at_ms(0, SIGNED) == received_at_ms(SIGNED, 0) == SIGNED
    assert received_at_ms(0, 0) == 0


def clauses(**changes: object) -> Policy:
    """The default policy, with other windows."""
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return structs.replace(DEFAULT, clauses={**DEFAULT.clauses, **named})


@pytest.mark.parametrize(
    ("count_from", "zone", "received", "ends"),
    [
        # The clocks go forward in the night to 29 March, and back in that to 25 October.
        ("NEXT_DAY", "Europe/Berlin", "03-25 12:00", "04-02 00:00"),
        ("INSTANT", "Europe/Berlin", "03-25 12:00", "04-01 13:00"),
        ("NEXT_DAY", "Europe/Berlin", "10-20 12:00", "10-28 00:00"),
        ("INSTANT", "Europe/Berlin", "10-20 12:00", "10-27 11:00"),
        ("NEXT_DAY", SHANGHAI, "03-01 00:00", "03-09 00:00"),
        ("NEXT_DAY", SHANGHAI, "02-28 23:59:59.999", "03-08 00:00"),
        # Where the clocks go forward at midnight, the day begins at one.
        ("NEXT_DAY", "Africa/Cairo", "04-16 12:00", "04-24 01:00"),
    ],
)
def test_days_are_days_of_the_zone_or_24_hours(
    count_from: str, zone: str, received: str, ends: str
) -> None:
    policy = clauses(window__count_from=count_from, window__zone=zone)
    window = window_of(policy, _R.NO_REASON, at(received, zone))
    assert window.ends_at_ms == at(ends, zone)


@pytest.mark.parametrize(
    ("pauses", "end"),
    [
        ([], 100),
        ([(0, 10)], 110),
        ([(-20, 0)], 100),
        ([(-20, 5)], 105),
        ([(99, 100)], 101),
        ([(100, 200)], 100),
        ([(50, 60), (55, 70)], 120),
        # The second one begins in the time that the first one has added.
        ([(50, 60), (105, 115)], 120),
    ],
)
def test_a_length_of_time_is_counted_outside_of_pauses(
    pauses: list[tuple[int, int]], end: int
) -> None:
    assert moved(0, 100, [Pause(_S.WITH_BUYER, *each) for each in pauses]) == end


def test_what_a_deadline_does_is_a_move_that_the_state_knows() -> None:
    for kind, state, stage, is_so in product(CaseKind, CaseState, Stage, (False, True)):
        facts = Lapsing(
            state=state,
            kind=kind,
            stage=stage,
            goods_are_here=is_so,
            costs_more=is_so,
            with_lead=is_so,
        )
        event = deadline_does(facts)
        assert event is None or CASE.allows(state, event)
        assert event is None or deadline(DEFAULT, state, SIGNED)


def test_a_law_judges_older_orders_from_its_date_where_it_gives_more() -> None:
    content = """{"policy_id": "law", "law": true, "effective_from_ms": %d,
        "clauses": {"window.NO_REASON.days": 10, "window.QUALITY.days": 5}}"""
    versions = [put(content % at("03-05 00:00"), [], "03-01 00:00")]
    before = judging(versions, SIGNED, at("03-05 00:00") - 1)
    since = judging(versions, SIGNED, at("03-05 00:00"))
    assert before.number(window_name(_R.NO_REASON)) == 7
    assert since.number(window_name(_R.NO_REASON)) == 10
    assert since.number(window_name(_R.QUALITY)) == 15
    assert since.said_by(window_name(_R.NO_REASON)) == "law law version 1"


@pytest.mark.parametrize(
    ("clause", "counts", "does_not"),
    [
        ("window.NO_REASON.days", "30", "6"),
        ("deadline.WITH_MERCHANT.hours", "24", "72"),
        ("deadline.WITH_BUYER.hours", "240", "24"),
        (EXCLUDED, '["opened"]', '["customised", "fragile", "opened", "perishable"]'),
        ("evidence.QUALITY.needed", "false", "true"),
        ("return_freight.NO_REASON.payer", '"MERCHANT"', '"BUYER"'),
        ("return_freight.max_minor", "1501", "1499"),
    ],
)
def test_a_merchants_clause_counts_only_where_it_gives_the_buyer_more(
    clause: str, counts: str, does_not: str
) -> None:
    for value, is_taken in ((counts, True), (does_not, False)):
        content = '{"policy_id": "own", "merchant_id": "m", "clauses": {"%s": %s}}'
        own = put(content % (clause, value), [], "03-01 00:00")
        judged = judging([own], SIGNED, SIGNED, "m")
        assert (clause in judged.sources) is is_taken
        assert judged.value(clause) == (own if is_taken else DEFAULT).value(clause)
        assert judging([own], SIGNED, SIGNED, "another").sources == {}
    assert in_force([own], SIGNED).version == 0


@pytest.mark.parametrize("clause", ["triage.T4.over_minor", "window.zone"])
def test_no_merchant_changes_what_is_only_the_shops(clause: str) -> None:
    value = {"triage.T4.over_minor": "1000000", "window.zone": '"Pacific/Kiritimati"'}[clause]
    content = f'{{"policy_id": "own", "merchant_id": "m", "clauses": {{"{clause}": {value}}}}}'
    own = put(content, [], "03-01 00:00")
    assert judging([own], SIGNED, SIGNED, "m").sources == {}


def test_the_same_document_again_is_no_other_version() -> None:
    content = '{"policy_id": "P2", "clauses": {"window.NO_REASON.days": 5}}'
    first = put(content, [], "03-05 00:00")
    assert following([first], read_document(content.encode()), at("03-06 00:00")) is None
    second = put(content.replace("5", "6"), [first], "03-05 00:00")
    assert (second.version, second.effective_from_ms) == (2, first.effective_from_ms + 1)
    assert in_force([second, first], second.effective_from_ms) == second
    assert in_force([second, first], second.effective_from_ms - 1) == first


def test_what_was_in_force_stays_so() -> None:
    content = '{"policy_id": "P", "effective_from_ms": %d, "clauses": {}}'
    with pytest.raises(InvalidField, match=r"document\.effective_from_ms: must be .* or later"):
        put(content % (at("03-05 00:00") - 1), [], "03-05 00:00")
    later = put(content % at("04-01 00:00"), [], "03-05 00:00")
    with pytest.raises(InvalidField, match=r"document\.effective_from_ms"):
        put(content.replace("P", "Q") % at("04-01 00:00"), [later], "03-05 00:00")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("", "document:"),
        ("[]", "document:"),
        ("{}", "document:"),
        ('{"policy_id": "P"}', "document: .*clauses"),
        ('{"policy_id": 1, "clauses": {}}', "document.policy_id"),
        ('{"policy_id": "a b", "clauses": {}}', "document.policy_id"),
        ('{"policy_id": "P", "clauses": {}, "clause": {}}', "document: .*`clause`"),
        ('{"policy_id": "P", "clauses": {"window.NO_REASN.days": 1}}', "NO_REASN.* is no clause"),
        ('{"policy_id": "P", "clauses": {"window.NO_REASON.days": -1}}', "window.NO_REASON.days"),
        ('{"policy_id": "P", "clauses": {"window.NO_REASON.days": 3651}}', "window.NO_REASON.days"),
        ('{"policy_id": "P", "clauses": {"window.NO_REASON.days": true}}', "window.NO_REASON.days"),
        ('{"policy_id": "P", "clauses": {"window.NO_REASON.days": "7"}}', "window.NO_REASON.days"),
        ('{"policy_id": "P", "clauses": {"window.NO_REASON.days": 7.5}}', "window.NO_REASON.days"),
        ('{"policy_id": "P", "clauses": {"window.zone": "Mars"}}', "window.zone"),
        ('{"policy_id": "P", "clauses": {"window.zone": null}}', "window.zone"),
        ('{"policy_id": "P", "clauses": {"window.count_from": "x"}}', "must be one of NEXT_DAY"),
        ('{"policy_id": "P", "clauses": {"window.NO_REASON.excluded": ["x"]}}', "excluded"),
        ('{"policy_id": "P", "clauses": {"evidence.QUALITY.needed": 1}}', "true or false"),
        ('{"policy_id": "P", "preset": "x", "clauses": {}}', "document.preset"),
        (
            '{"policy_id": "P", "effective_from_ms": -1, "clauses": {}}',
            "document.effective_from_ms",
        ),
        ('{"policy_id": "P", "merchant_id": "m", "clauses": {}}', "document.clauses"),
        ('{"policy_id": "P", "merchant_id": "m", "law": true, "clauses": {}}', "document.law"),
        ('{"policy_id": "P", "merchant_id": "a b", "clauses": {}}', "document.merchant_id"),
        (f'{{"policy_id": "P", "clauses": {{}}}}{" " * 65_536}', "document: has at most 65,536"),
    ],
)
def test_a_document_is_refused_by_the_name_of_its_field(content: str, field: str) -> None:
    with pytest.raises(InvalidField, match=field):
        read_document(content.encode())


def test_every_preset_has_every_clause() -> None:
    for preset in PRESETS.values():
        assert set(preset.clauses) == set(CLAUSES)
    document = b'{"policy_id": "P", "preset": "wechat", "clauses": {"restocking_fee.bp": 100}}'
    assert read_document(document).number("deadline.INSPECTING.hours") == 240


@pytest.mark.parametrize(
    ("kind", "reason", "stage", "clause"),
    [
        (_K.RETURN_REFUND, _R.NO_REASON, Stage.NOT_PICKED, "kind.RETURN_REFUND"),
        (_K.REFUND_ONLY, _R.NO_REASON, Stage.RECEIVED, "reason.NO_REASON"),
        (_K.REFUND_ONLY, _R.CHANGED_MIND, Stage.RECEIVED, "reason.CHANGED_MIND"),
        (_K.REFUND_ONLY, _R.QUALITY, Stage.UNDER_WAY, "reason.QUALITY"),
        (_K.EXCHANGE, _R.PRICE_DROP, Stage.RECEIVED, "reason.PRICE_DROP"),
    ],
)
def test_example_59_what_does_not_fit_is_refused_by_name(
    kind: CaseKind, reason: CaseReason, stage: Stage, clause: str
) -> None:
    verdict = eligible(DEFAULT, asked("03-02 10:00", reason, kind=kind, stage=stage))
    assert (verdict.allowed, verdict.finding.clause) == (False, clause)


@pytest.mark.parametrize(
    ("moment", "promised", "taken"),
    [
        ("03-02 09:59:59.999", True, False),
        ("03-02 10:00", True, True),
        ("03-09 10:00", False, False),
    ],
)
def test_what_did_not_come_is_asked_for_once_its_promise_has_passed(
    moment: str, promised: bool, taken: bool
) -> None:
    request = asked(moment, _R.NOT_RECEIVED, received=0, kind=_K.REFUND_ONLY, stage=Stage.UNDER_WAY)
    request = structs.replace(request, promised_at_ms=at("03-02 10:00") if promised else 0)
    assert eligible(DEFAULT, request).allowed is taken


def test_what_is_on_its_way_may_be_asked_back_without_a_clock() -> None:
    for stage in (Stage.NOT_PICKED, Stage.IN_WAREHOUSE, Stage.UNDER_WAY, Stage.OUT_FOR_DELIVERY):
        request = asked(
            "12-30 10:00", _R.CHANGED_MIND, received=0, kind=_K.REFUND_ONLY, stage=stage
        )
        verdict: Verdict = eligible(DEFAULT, request)
        assert (verdict.allowed, verdict.ends_at_ms) == (True, 0)
