"""Checks who receives an order, and where (O1). Everything in it is personal.

What comes out is written as it will be printed on a label: white space put right, postcodes in
capitals, regions as their country writes them, phone numbers with their country's prefix.
"""

import re
from typing import Final

import phonenumbers
from msgspec import structs

from order_service.order.address_rules import AddressRules, rules_of
from order_service.order.fields import EMAIL_LENGTH_MAX, checked_text, concealed, is_email
from order_service.order.model import Delivery
from order_service.order.refusals import InvalidField

NAME_LENGTH_MAX: Final = 100
PHONE_LENGTH_MAX: Final = 40
POSTCODE_LENGTH_MAX: Final = 16
PART_LENGTH_MAX: Final = 100
STREET_LENGTH_MAX: Final = 200

_is_country = re.compile(r"[A-Z]{2}").fullmatch


def checked_delivery(delivery: Delivery) -> Delivery:
    """A delivery that a parcel can be sent to, put in order. Raises InvalidField."""
    country = delivery.country.strip().upper()
    rules = rules_of(country) if _is_country(country) else None
    if rules is None:
        raise _invalid("country", "must be a country's code (ISO 3166-1 alpha-2)", delivery.country)
    typed = {
        "postcode": _text("postcode", delivery.postcode, POSTCODE_LENGTH_MAX).upper(),
        "region": _text("region", delivery.region, PART_LENGTH_MAX),
        "city": _text("city", delivery.city, PART_LENGTH_MAX),
        "district": _text("district", delivery.district, PART_LENGTH_MAX),
        "street": _text("street", delivery.street, STREET_LENGTH_MAX),
    }
    for field in rules.required:
        if not typed[field]:
            raise _invalid(field, f"must be set for addresses in {country}", "")
    typed["region"] = _checked_region(rules, typed["region"], typed["postcode"])
    _check_postcode(rules, country, typed["postcode"])
    return structs.replace(
        delivery,
        name=_checked_name(delivery.name),
        phone=_checked_phone(delivery.phone, country),
        country=country,
        email=_checked_email(delivery.email),
        **typed,
    )


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


def _check_postcode(rules: AddressRules, country: str, postcode: str) -> None:
    if postcode and rules.postcode and not rules.postcode.fullmatch(postcode):
        such_as = f", such as {rules.postcode_example}" if rules.postcode_example else ""
        raise _invalid("postcode", f"must be a postcode of {country}{such_as}", postcode)


def _checked_region(rules: AddressRules, typed: str, postcode: str) -> str:
    if not rules.regions:
        return typed
    region = rules.regions.get(typed.casefold())
    if region is None:
        example = next(iter(rules.regions.values())).name
        raise _invalid("region", f"must be a region of the country, such as {example}", typed)
    if postcode and region.postcodes and not region.postcodes.match(postcode):
        raise _invalid("postcode", "must be one of the address's region", postcode)
    return region.name


def _checked_phone(typed: str, country: str) -> str:
    text = _text("phone", typed, PHONE_LENGTH_MAX, 1)
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        problem = f"must be a phone number of {country}, or one that begins with + and its country"
        raise _invalid("phone", problem, typed)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _checked_email(typed: str) -> str:
    text = _text("email", typed, EMAIL_LENGTH_MAX)
    if text and not is_email(text):
        raise _invalid("email", "must be an address such as name@example.com, or nothing", typed)
    return text
