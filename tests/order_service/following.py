"""How a draft ends where no storage ends it: `follow`, the ledger, then the joint rules."""

from functools import partial

from order_service.aftersales.follow import follow
from order_service.aftersales.terms import Terms
from order_service.catalogue.contracts import NO_CONTRACT
from order_service.fulfilment.follow import FulfilmentSettings
from order_service.order.draft import Draft
from order_service.settlement.posting import post

FOLLOW = partial(follow, settings=FulfilmentSettings(), terms=Terms())
"""`follow` with the settings of a service that sets none."""
POST = partial(post, terms_of=lambda _tenant, _part: NO_CONTRACT)
"""The ledger of a service whose merchants have no contracts."""


def finish(draft: Draft) -> None:
    """Ends a draft that a test makes without storage."""
    FOLLOW(draft)
    POST(draft)
    draft.finish()
