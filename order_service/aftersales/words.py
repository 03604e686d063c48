"""Words and files that people add to a case. Personal: rows of their own, read on demand. Pure."""

from hashlib import blake2b
from typing import Final, NamedTuple

from order_service.order.cases import Case, CaseEvidence, CaseRole, CaseText
from order_service.order.draft import Draft
from order_service.order.ids import text_of
from order_service.order.refusals import RefusalReason, Refused

EVIDENCE_MAX: Final = 50
"""Files of a case, over all its rounds."""


class Words(NamedTuple):
    """The words and files of somebody."""

    text: str = ""
    evidence: tuple[str, ...] = ()
    """Files by their SHA-256."""


NO_WORDS: Final = Words()


def say(draft: Draft, case: Case, author: CaseRole, words: Words) -> None:
    """Writes down what somebody says and shows; the same words twice are written once.

    Raises Refused: TOO_MANY.
    """
    order_id = draft.order.order_id
    if case.evidence + len(words.evidence) > EVIDENCE_MAX:
        raise Refused(
            RefusalReason.TOO_MANY,
            order_id=order_id,
            things=f"files of case {case.case_id}",
            most=EVIDENCE_MAX,
            name="evidence_max",
        )
    if words.text:
        text_id = _text_id(author, words.text)
        draft.record(CaseText(order_id, case.case_id, text_id, author, words.text, draft.now_ms))
    for sha256 in words.evidence:
        draft.record(CaseEvidence(order_id, case.case_id, sha256, author, draft.now_ms))
    if words.evidence:
        draft.update(case, evidence=case.evidence + len(words.evidence))


def _text_id(author: CaseRole, text: str) -> str:
    """An id that the same words of the same author have again."""
    digest = blake2b(f"{author}/{text}".encode(), digest_size=8).digest()
    return text_of(int.from_bytes(digest, "big") >> 1)
