"""The world of fulfilment, for goods that come back."""

from tests.order_service.fulfilment.conftest import engine as engine
from tests.order_service.fulfilment.conftest import world as world
