"""Derives what follows from a draft in all rooms: cases, parcels, and cases once more. Pure."""

from order_service.aftersales.following import close_moot, count_claims, follow_cases
from order_service.aftersales.terms import Terms
from order_service.fulfilment import follow as fulfilment
from order_service.order.draft import Draft


def follow(draft: Draft, settings: fulfilment.FulfilmentSettings, terms: Terms) -> None:
    """To be called on each draft, before it is finished.

    Parcels may have their money sent back, which then is not a case's any more.
    """
    if draft.order.after_sales:
        follow_cases(draft, terms)
    fulfilment.follow(draft, settings)
    if draft.order.after_sales:
        close_moot(draft)
        follow_cases(draft, terms)
        count_claims(draft)
