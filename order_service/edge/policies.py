"""PolicyService: from the wire, one call, to the wire."""

from functools import partial
from typing import Any

import msgspec

from holdfast.messages import UnknownNumber
from holdfast.order.v1 import policies_pb2 as pb
from order_service.aftersales.policy import store
from order_service.aftersales.policy.book import PolicyBook
from order_service.aftersales.policy.clauses import CLAUSES
from order_service.aftersales.policy.deadlines import Pause
from order_service.aftersales.policy.document import DEFAULT, Policy, read_document
from order_service.aftersales.policy.versions import in_force
from order_service.edge import wire
from order_service.edge.methods import method, read_page
from order_service.edge.requests import merchant_of, number_in, tenant_of
from order_service.order.refusals import InvalidField
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines


class PolicyServicer:
    """Keeps the policies of after-sales."""

    def __init__(self, orders: Orders, book: PolicyBook, deadlines: Deadlines) -> None:
        self._orders = orders
        self._book = book
        self.deadlines = deadlines

    @method
    async def PutPolicy(self, request: pb.PutPolicyRequest) -> pb.PutPolicyResponse:
        tenant, wanted = tenant_of(request), read_document(request.document.encode())
        made, replayed = await self._book.put_policy(tenant, wanted)
        return pb.PutPolicyResponse(policy=_message(made), replayed=replayed)

    @method
    async def GetPolicy(self, request: pb.GetPolicyRequest) -> pb.GetPolicyResponse:
        tenant = tenant_of(request)
        await self._book.refresh()
        known = {each.version: each for each in (DEFAULT, *self._book.versions(tenant))}
        if not request.HasField("version"):
            found = in_force(self._book.versions(tenant), self._orders.clock_ms())
        elif request.version in known:
            found = known[request.version]
        else:
            problem = f"must be the number of a version, 0 to {max(known)}"
            raise InvalidField("version", problem, request.version)
        return pb.GetPolicyResponse(policy=_message(found))

    @method
    async def ListPolicies(self, request: pb.ListPoliciesRequest) -> pb.ListPoliciesResponse:
        read = partial(
            store.list_policies,
            tenant=tenant_of(request),
            merchant_id=merchant_of(request),
            after=number_in(request.page_token),
        )
        page, token = await read_page(self._orders, request, read, lambda each: str(each.version))
        return pb.ListPoliciesResponse(
            policies=[_message(each) for each in page], next_page_token=token
        )

    @method
    async def PutPause(self, request: pb.PutPauseRequest) -> pb.PutPauseResponse:
        return pb.PutPauseResponse(
            replayed=await self._book.put_pause(tenant_of(request), _pause(request.pause))
        )

    @method
    async def ListPauses(self, request: pb.ListPausesRequest) -> pb.ListPausesResponse:
        found = await self._orders.read(partial(store.pauses_of, tenant=tenant_of(request)))
        return wire.listed(pb.ListPausesResponse, found)


def _pause(message: pb.Pause) -> Pause:
    try:
        return wire.from_message(message, Pause)
    except UnknownNumber as error:
        problem = f"must be one of {', '.join(error.names)}"
        raise InvalidField("pause.state", problem, error.number) from None


def _message(policy: Policy) -> pb.Policy:
    return pb.Policy(
        policy_id=policy.policy_id,
        version=policy.version,
        merchant_id=policy.merchant_id,
        published_at_ms=policy.published_at_ms,
        effective_from_ms=policy.effective_from_ms,
        law=policy.law,
        clauses=[_clause(name, policy) for name in CLAUSES if name in policy.clauses],
    )


def _clause(name: str, policy: Policy) -> Any:
    value = msgspec.json.encode(policy.value(name)).decode()
    return pb.PolicyClause(name=name, value=value, meaning=CLAUSES[name].meaning)
