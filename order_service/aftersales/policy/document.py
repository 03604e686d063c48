"""A version of a policy, and the document that a shop puts to make one. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct

from order_service.aftersales.policy.clauses import (
    DEFAULTS,
    Clauses,
    Value,
    checked_clauses,
    deadline_name,
)
from order_service.order.cases import CaseState
from order_service.order.fields import check_id, check_whole, shown
from order_service.order.refusals import InvalidField

AT_MS_MAX: Final = 4_000_000_000_000
DOCUMENT_BYTES_MAX: Final = 65_536
VERSIONS_MAX: Final = 32_767
"""Of a shop: an order's version is a small number."""


class Policy(Struct, frozen=True, kw_only=True):
    """A version of a policy. It is never changed: another one follows it."""

    policy_id: str = "default"
    """The name that its shop gave it."""
    version: int = 0
    """Counts from 1 in a shop; 0 is the one that is built in."""
    merchant_id: str = ""
    """The merchant whose own clauses they are; "" for the shop's policy."""
    published_at_ms: int = 0
    effective_from_ms: int = 0
    """Orders placed from then on are judged by it, until the next."""
    law: bool = False
    """Whether it also judges older orders from then on, where it gives the buyer more."""
    clauses: Clauses = MappingProxyType({})
    """Of the shop's all that there are; of a merchant's its own."""
    sources: Mapping[str, str] = MappingProxyType({})
    """The clauses that another version has given (`versions.judging`), and which one."""

    def value(self, clause: str) -> Value:
        """The value of a clause; one that is newer than the version has its default."""
        return self.clauses.get(clause, DEFAULTS[clause])

    def number(self, clause: str) -> int:
        """The value of a clause that is a number."""
        value = self.value(clause)
        assert isinstance(value, int)
        return value

    def words(self, clause: str) -> tuple[str, ...]:
        """The value of a clause that is a list of words."""
        value = self.value(clause)
        assert isinstance(value, tuple)
        return value

    def word(self, clause: str) -> str:
        """The value of a clause that is a word."""
        value = self.value(clause)
        assert isinstance(value, str)
        return value

    def said_by(self, clause: str) -> str:
        """The version that a clause is from, for a person."""
        return self.sources.get(clause) or name_of(self)


def name_of(policy: Policy) -> str:
    """A version by its name, for a person."""
    if not policy.version:
        return f"{policy.policy_id} (built in)"
    what = "law" if policy.law else "policy"
    whose = f" of {policy.merchant_id}" if policy.merchant_id else ""
    return f"{what} {policy.policy_id} version {policy.version}{whose}"


def _preset(policy_id: str, changes: Mapping[str, Value]) -> Policy:
    return Policy(policy_id=policy_id, clauses={**DEFAULTS, **changes})


DEFAULT: Final = _preset("default", {})
"""The policy of a shop that has put none (P1 of the specification)."""
PRESETS: Final[Mapping[str, Policy]] = {
    "default": DEFAULT,
    # The merchant has 10 days from the arrival of goods to pay them back.
    "wechat": _preset("wechat", {deadline_name(CaseState.INSPECTING): 240}),
    "seed3": _preset("seed3", {deadline_name(CaseState.WITH_MERCHANT): 72}),
}
"""Policies to begin with, by name."""


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a policy's file."""

    policy_id: str
    preset: str = "default"
    """The clauses that are not named are this one's. A merchant's document has only its own."""
    merchant_id: str = ""
    effective_from_ms: int = 0
    """0: from when it is published."""
    law: bool = False
    clauses: dict[str, Any]


def read_document(content: bytes) -> Policy:
    """The policy that a document in JSON says, without number and times of its own.

    Raises InvalidField, which names the field.
    """
    if len(content) > DOCUMENT_BYTES_MAX:
        raise InvalidField("document", f"has at most {DOCUMENT_BYTES_MAX:,} bytes", len(content))
    try:
        return _read(msgspec.json.decode(content, type=Document))
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$.")
        field = f"document.{where.rstrip('`')}" if where else "document"
        raise InvalidField(field, problem, "another document") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidField(
            "document", f"must be a JSON document: {error}", "another text"
        ) from None


def _read(document: Document) -> Policy:
    check_id("document.policy_id", document.policy_id)
    check_whole("document.effective_from_ms", document.effective_from_ms, 0, AT_MS_MAX)
    if document.preset not in PRESETS:
        problem = f"must be one of {', '.join(PRESETS)}"
        raise InvalidField("document.preset", problem, shown(document.preset))
    own = checked_clauses(document.clauses)
    if document.merchant_id:
        check_id("document.merchant_id", document.merchant_id)
        if document.law:
            raise InvalidField(
                "document.law", "must be false with a merchant: laws are for all", True
            )
        if not own:
            raise InvalidField("document.clauses", "must name a clause of the merchant's", "none")
    base: Clauses = {} if document.merchant_id else PRESETS[document.preset].clauses
    return Policy(
        policy_id=document.policy_id,
        merchant_id=document.merchant_id,
        effective_from_ms=document.effective_from_ms,
        law=document.law,
        clauses={**base, **own},
    )
