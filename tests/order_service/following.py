"""How a draft ends where no storage ends it: `follow`, then the joint rules."""

from functools import partial

from order_service.fulfilment.follow import FulfilmentSettings, follow
from order_service.order.draft import Draft

FOLLOW = partial(follow, settings=FulfilmentSettings())
"""`follow` with the settings of a service that sets none."""


def finish(draft: Draft) -> None:
    """Ends a draft that a test makes without storage."""
    FOLLOW(draft)
    draft.finish()
