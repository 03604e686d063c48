"""How the merchants of all shops are written to, as a file has it."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct, structs

from order_service.notifications.texts import Language
from order_service.order.fields import EMAIL_LENGTH_MAX, check_id, checked_text, is_email
from order_service.order.refusals import InvalidField
from order_service.order.text import narrow

NAME_LENGTH_MAX: Final = 100


class Merchant(Struct, frozen=True, forbid_unknown_fields=True):
    """A merchant of a shop. An empty field is not known."""

    merchant_id: str
    """As articles name it."""
    tenant: str = "default"
    """The shop."""
    name: str = ""
    """Up to 100 characters."""
    email: str = ""
    """Where notices go that are sent by mail."""
    language: Language = Language.CHINESE
    """The language of notices: `zh` or `en`."""


Merchants = Mapping[tuple[str, str], Merchant]
"""By tenant and id."""


def merchants_from(json: bytes) -> Merchants:
    """Merchants as a file has them: a list of objects. Raises ValueError naming what is wrong."""
    found: dict[tuple[str, str], Merchant] = {}
    for position, written in enumerate(_merchants.decode(json)):
        try:
            merchant = _checked(f"[{position}]", written)
        except InvalidField as error:
            raise ValueError(str(error)) from None
        key = (merchant.tenant, merchant.merchant_id)
        if key in found:
            raise ValueError(f"[{position}]: merchant {key[1]} of {key[0]} is named twice")
        found[key] = merchant
    return found


_merchants = msgspec.json.Decoder(tuple[Merchant, ...])


def _checked(field: str, merchant: Merchant) -> Merchant:
    """A merchant with its texts put in order. Raises InvalidField."""
    check_id(f"{field}.merchant_id", merchant.merchant_id)
    check_id(f"{field}.tenant", merchant.tenant)
    name = checked_text(f"{field}.name", merchant.name, NAME_LENGTH_MAX, personal=True)
    email = checked_text(f"{field}.email", narrow(merchant.email), EMAIL_LENGTH_MAX, personal=True)
    if email and not is_email(email):
        problem = "must be an address such as name@example.com, or nothing"
        raise InvalidField(f"{field}.email", problem, f"{len(email)} characters")
    return structs.replace(merchant, name=name, email=email)
