"""PolicyService: from the wire, one call, to the wire."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from holdfast.messages import UnknownNumber
from holdfast.order.v1 import aftersales_pb2
from holdfast.order.v1 import policies_pb2 as pb
from order_service.aftersales.explaining import Articles, Explained, differences, explain
from order_service.aftersales.policy import store
from order_service.aftersales.policy.book import PolicyBook
from order_service.aftersales.policy.clauses import CLAUSES
from order_service.aftersales.policy.deadlines import Pause
from order_service.aftersales.policy.document import AT_MS_MAX, DEFAULT, Policy, read_document
from order_service.aftersales.policy.versions import in_force
from order_service.edge import wire
from order_service.edge.methods import method, order_of, read_page
from order_service.edge.requests import merchant_of, number_in, tenant_of
from order_service.order.cases import CaseKind, CaseReason
from order_service.order.fields import check_id, check_whole
from order_service.order.refusals import InvalidField
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines

TRIED_MAX: Final = 1_000
"""The most past cases that a draft is judged on."""


class PolicyServicer:
    """Keeps the policies of after-sales."""

    def __init__(
        self,
        orders: Orders,
        book: PolicyBook,
        articles: Callable[[str], Articles],
        deadlines: Deadlines,
    ) -> None:
        self._orders = orders
        self._book = book
        self._articles = articles
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
    async def ExplainPolicy(self, request: pb.ExplainPolicyRequest) -> pb.ExplainPolicyResponse:
        check_id("order_id", request.order_id)
        check_whole("asked_at_ms", request.asked_at_ms, 0, AT_MS_MAX)
        reasons, kinds = aftersales_pb2.CaseReason, aftersales_pb2.CaseKind
        reason = wire.filter_of(CaseReason, reasons, request.reason, "reason", "a reason of a case")
        kind = wire.filter_of(CaseKind, kinds, request.kind, "kind", "a kind of case")
        if reason is None:
            raise InvalidField("reason", "must be a reason of a case", 0)
        order = await order_of(self._orders, request, request.order_id)
        await self._book.refresh()
        found = explain(
            order,
            self._articles(order.tenant),
            self._book.versions(order.tenant),
            reason,
            kind,
            request.asked_at_ms or self._orders.clock_ms(),
        )
        return pb.ExplainPolicyResponse(verdicts=[_verdict(each) for each in found])

    @method
    async def TryPolicy(self, request: pb.TryPolicyRequest) -> pb.TryPolicyResponse:
        tenant, draft = tenant_of(request), read_document(request.document.encode())
        check_whole("cases_max", request.cases_max, 0, TRIED_MAX)
        await self._book.refresh()
        size = request.cases_max or TRIED_MAX
        past = await self._orders.read(partial(store.past_cases, tenant=tenant, size=size))
        articles, versions = self._articles(tenant), self._book.versions(tenant)
        response = pb.TryPolicyResponse(tried=len(past))
        for order, case in past:
            for each in differences(order, case, articles, versions, draft):
                response.differences.add(
                    case_id=case.case_id, what=each.what, was=each.was, would_be=each.would_be
                )
        return response

    @method
    async def PutPause(self, request: pb.PutPauseRequest) -> pb.PutPauseResponse:
        return pb.PutPauseResponse(
            replayed=await self._book.put_pause(tenant_of(request), _pause(request.pause))
        )

    @method
    async def ListPauses(self, request: pb.ListPausesRequest) -> pb.ListPausesResponse:
        found = await self._orders.read(partial(store.pauses_of, tenant=tenant_of(request)))
        return wire.listed(pb.ListPausesResponse, found)


def _verdict(found: Explained) -> pb.PolicyVerdict:
    verdict, finding = found.verdict, found.verdict.finding
    message = pb.PolicyVerdict(
        kind=aftersales_pb2.CaseKind.Value(f"CASE_KIND_{found.kind}"),
        allowed=verdict.allowed,
        clause=finding.clause,
        version=finding.version,
        inputs={name: str(value) for name, value in finding.inputs.items()},
        comparison=finding.comparison,
        ends_at_ms=verdict.ends_at_ms,
    )
    line = found.line
    message.units.line_no, message.units.sku = line.line_no, line.sku
    message.units.quantity, message.units.shipment_id = line.quantity, line.shipment_id
    return message


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
