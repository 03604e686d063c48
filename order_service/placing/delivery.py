"""Checks who receives an order, and where (O1). Everything in it is personal.

What comes out is written as it will be printed on a label: white space put right, postcodes in
capitals, regions as their country writes them, phone numbers with their country's prefix. Digits
are ASCII's wherever a machine reads them.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from msgspec import structs

from order_service.order.address_rules import AddressRules, rules_of
from order_service.order.fields import EMAIL_LENGTH_MAX, checked_text, concealed, is_email
from order_service.order.placed import Delivery
from order_service.order.refusals import InvalidField
from order_service.order.text import narrow, plain
from order_service.placing.phones import phone_of

NAME_LENGTH_MAX: Final = 100
PHONE_LENGTH_MAX: Final = 40
POSTCODE_LENGTH_MAX: Final = 16
PART_LENGTH_MAX: Final = 100
STREET_LENGTH_MAX: Final = 200

_is_masked = re.compile(r"\+?[0-9]{1,9}\*{2,9}[0-9]{2,6}").fullmatch
_is_country = re.compile(r"[A-Z]{2}").fullmatch


def checked_delivery(
    delivery: Delivery, *, masked_too: bool = False, default_country: str = ""
) -> Delivery:
    """A delivery that a parcel can be sent to, put in order.

    With `masked_too` the phone may be one of which a platform shows a part only. A delivery that
    names no country is in the `default_country`, if there is one. Raises InvalidField, which names
    all fields that are wrong.
    """
    country = plain(delivery.country).upper() or default_country
    rules = rules_of(country) if _is_country(country) else None
    if rules is None:
        raise _invalid("country", "must be a country's code (ISO 3166-1 alpha-2)", delivery.country)
    wrong: list[InvalidField] = []
    judged = partial(_judged, wrong)
    postcode = plain(delivery.postcode)
    typed = {
        "postcode": judged(_text, "postcode", postcode, POSTCODE_LENGTH_MAX).upper(),
        "region": judged(_text, "region", delivery.region, PART_LENGTH_MAX),
        "city": judged(_text, "city", delivery.city, PART_LENGTH_MAX),
        "district": judged(_text, "district", delivery.district, PART_LENGTH_MAX),
        "street": judged(_text, "street", delivery.street, STREET_LENGTH_MAX),
    }
    unfit = {error.field for error in wrong}
    missing = [field for field in rules.required if not typed[field]]
    wrong.extend(
        _invalid(field, f"must be set for addresses in {country}", "")
        for field in missing
        if f"delivery.{field}" not in unfit
    )
    typed["postcode"] = judged(_checked_postcode, rules, country, typed["postcode"])
    typed["region"] = judged(_checked_region, rules, country, typed["region"], typed["postcode"])
    checked = structs.replace(
        delivery,
        name=judged(_checked_name, delivery.name),
        phone=judged(_checked_phone, delivery.phone, country, masked_too),
        country=country,
        email=judged(_checked_email, delivery.email),
        **typed,
    )
    if wrong:
        raise _all_of(wrong, "" if delivery.country else country)
    return checked


def _judged(wrong: list[InvalidField], check: Callable[..., str], *values: Any) -> str:
    """The value that a check gives; "" where it finds something wrong, which it adds."""
    try:
        return check(*values)
    except InvalidField as error:
        wrong.append(error)
        return ""


def _all_of(wrong: list[InvalidField], default_country: str) -> InvalidField:
    """One error for all fields that are wrong. `default_country`: it was not named, but taken."""
    problem, *others = (error.problem for error in wrong)
    if others:
        named = (f"{error.field.removeprefix('delivery.')} {error.problem}" for error in wrong)
        problem = "; ".join(named)
    if default_country:
        problem += f" (no country is named; HOLDFAST_DEFAULT_COUNTRY is {default_country})"
    fields = ", ".join(error.field for error in wrong)
    return InvalidField(fields, problem, ", ".join(error.value for error in wrong))


def _text(field: str, value: str, length_max: int, length_min: int = 0) -> str:
    return checked_text(
        f"delivery.{field}", value, length_max, length_min=length_min, personal=True
    )


def _invalid(field: str, problem: str, value: str) -> InvalidField:
    return InvalidField(f"delivery.{field}", problem, concealed(value))


def _checked_name(typed: str) -> str:
    name = _text("name", typed, NAME_LENGTH_MAX, 1)
    if not any(map(str.isalpha, name)):
        raise _invalid("name", "must have a letter in it", typed)
    return name


def _checked_postcode(rules: AddressRules, country: str, typed: str) -> str:
    postcode = typed.lstrip("〒").strip()
    if not postcode or not rules.postcode:
        return postcode
    for written in (postcode, postcode.replace(" ", "").replace("-", "")):
        if rules.postcode.fullmatch(written):
            return written
    such_as = f", such as {rules.postcode_example}" if rules.postcode_example else ""
    raise _invalid("postcode", f"must be a postcode of {country}{such_as}", typed)


def _checked_region(rules: AddressRules, country: str, typed: str, postcode: str) -> str:
    if not (rules.regions and typed):
        return typed
    region = rules.regions.find(typed)
    if region is None:
        nearest = rules.regions.nearest(typed).name
        raise _invalid("region", f"must be a region of {country}; the nearest is {nearest}", typed)
    if postcode and region.postcodes and not region.postcodes.match(postcode):
        raise _invalid("postcode", f"must be one of the address's region, {region.name}", postcode)
    return region.name


def _checked_phone(typed: str, country: str, masked_too: bool) -> str:
    text = _text("phone", plain(typed), PHONE_LENGTH_MAX, 1)
    masked = re.sub(r"[\s()-]", "", text)
    if masked_too and _is_masked(masked):
        return masked
    phone = phone_of(text, country)
    if phone is None:
        problem = (
            f"must be a phone number of {country}, or one that begins with + and its country; "
            "an extension follows as ext. and digits"
        )
        raise _invalid("phone", problem, typed)
    return phone


def _checked_email(typed: str) -> str:
    text = _text("email", narrow(typed).replace("。", "."), EMAIL_LENGTH_MAX)
    if text and not is_email(text):
        raise _invalid("email", "must be an address such as name@example.com, or nothing", typed)
    return text
