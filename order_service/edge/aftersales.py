"""AfterSalesService: from the wire, one call, to the wire."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from holdfast.order.v1 import aftersales_pb2 as pb
from holdfast.order.v1 import order_pb2
from order_service.aftersales import case_queries as queries
from order_service.aftersales.acting import Said, amend, answer, answer_proposal, propose, withdraw
from order_service.aftersales.moving import deadline_does
from order_service.aftersales.requests import CaseAnswer, request
from order_service.aftersales.terms import Terms
from order_service.aftersales.words import Words
from order_service.catalogue.catalogue import Catalogue
from order_service.edge import wire
from order_service.edge.aftersales_requests import (
    AnyRequest,
    amount_of,
    event_of,
    request_of,
    role_of,
    words_of,
)
from order_service.edge.failures import outcome_of
from order_service.edge.methods import change, command, method, order_of, read_page
from order_service.edge.requests import actor_of, check_filters, id_in, id_of, tenant_of
from order_service.order.cases import Case, CaseKind, CaseState
from order_service.order.draft import Draft
from order_service.order.fields import check_id
from order_service.order.model import Order
from order_service.order.parts import order_id_of
from order_service.storage.batch import OrderNotFound
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines

_APPLIED: Final = order_pb2.ORDER_OUTCOME_APPLIED


class AfterSalesServicer:
    """Takes requests about units of an order, and has them decided."""

    def __init__(
        self, orders: Orders, catalogue: Catalogue, terms: Terms, deadlines: Deadlines
    ) -> None:
        self._orders = orders
        self._catalogue = catalogue
        self._terms = terms
        self.deadlines = deadlines

    @command(pb.CaseResult)
    async def RequestCase(self, message: pb.RequestCaseRequest) -> pb.CaseResult:
        order_id = id_of(message, "order_id")
        return await self._done(message, order_id, self._request(message))

    @command(pb.CaseResult)
    async def PreviewCase(self, message: pb.PreviewCaseRequest) -> pb.CaseResult:
        order = await order_of(self._orders, message, id_of(message, "order_id"))
        draft = Draft(order, actor_of(message), self._orders.clock_ms(), self._orders.ids)
        found = self._request(message)(draft)
        result = _result(order, found)
        if not found.replayed:
            result.case.case_id = ""
        return result

    @command(pb.CaseResult)
    async def AmendCase(self, message: pb.AmendCaseRequest) -> pb.CaseResult:
        wanted_minor = (
            amount_of(message, "wanted_minor") if message.HasField("wanted_minor") else None
        )
        said = Said(role_of(message), words=words_of(message))
        decide = partial(amend, said=said, terms=self._terms, wanted_minor=wanted_minor)
        return await self._of_case(message, decide)

    @command(pb.CaseResult)
    async def WithdrawCase(self, message: pb.WithdrawCaseRequest) -> pb.CaseResult:
        decide = partial(withdraw, role=role_of(message), terms=self._terms)
        return await self._of_case(message, decide)

    @command(pb.CaseResult)
    async def AnswerCase(self, message: pb.AnswerCaseRequest) -> pb.CaseResult:
        return await self._of_case(message, partial(answer, said=_said(message), terms=self._terms))

    @command(pb.CaseResult)
    async def ProposeToBuyer(self, message: pb.ProposeToBuyerRequest) -> pb.CaseResult:
        said = Said(
            role_of(message),
            event_of(message),
            amount_of(message, "amount_minor"),
            Words(words_of(message, files=False).text),
        )
        return await self._of_case(message, partial(propose, said=said, terms=self._terms))

    @command(pb.CaseResult)
    async def AnswerProposal(self, message: pb.AnswerProposalRequest) -> pb.CaseResult:
        said = Said(role_of(message), words=words_of(message, files=False))
        decide = partial(answer_proposal, said=said, terms=self._terms, agree=message.agree)
        return await self._of_case(message, decide)

    @method
    async def GetCase(self, message: pb.GetCaseRequest) -> pb.GetCaseResponse:
        case_id = id_of(message, "case_id")
        order, case = await self._case(message, case_id)
        response = pb.GetCaseResponse(case=self._message(order, case))
        if message.with_texts:
            texts, files = await self._orders.read(partial(queries.words_of, case_id=case_id))
            response.texts.extend(wire.to_messages(texts, pb.CaseText))
            response.files.extend(wire.to_messages(files, pb.CaseEvidence))
        return response

    @method
    async def ListCases(self, message: pb.ListCasesRequest) -> pb.ListCasesResponse:
        check_filters(message, check_id, "order_id")
        wanted = queries.CaseFilter(
            order_id=message.order_id,
            state=wire.filter_of(
                CaseState, pb.Case.State, message.state, "state", "a state of a case"
            ),
            kind=wire.filter_of(CaseKind, pb.CaseKind, message.kind, "kind", "a kind of case"),
            ended_too=message.ended_too,
            overdue_at_ms=self._orders.clock_ms() if message.overdue else 0,
        )
        read = partial(
            queries.list_cases,
            tenant=tenant_of(message),
            wanted=wanted,
            after=id_in(message.page_token),
        )
        cases, token = await read_page(self._orders, message, read, lambda case: case.case_id)
        found = await self._orders.read(
            partial(queries.orders_of, order_ids=list({case.order_id for case in cases}))
        )
        return pb.ListCasesResponse(
            cases=[self._message(found[case.order_id], case) for case in cases],
            next_page_token=token,
        )

    @method
    async def ExplainCase(self, message: pb.ExplainCaseRequest) -> pb.ExplainCaseResponse:
        case_id = id_of(message, "case_id")
        order, case = await self._case(message, case_id)
        entries = await self._orders.read(partial(queries.decisions_of, case_id=case_id))
        response = pb.ExplainCaseResponse(case=self._message(order, case))
        for number, entry in enumerate(entries):
            made = response.decisions.add(
                at_ms=entry.at_ms,
                actor=entry.actor,
                policy_version=case.policy_version,
                why=entry.why,
            )
            if entry.event:
                made.event = pb.CaseEvent.Value(f"CASE_EVENT_{entry.event}")
            if number == 1:  # triage is in the change that opens the case
                made.clause = case.rule
        return response

    def _request(self, message: AnyRequest) -> Callable[[Draft], CaseAnswer]:
        articles = self._catalogue.assortment(tenant_of(message)).articles
        return partial(request, asked=request_of(message), terms=self._terms, articles=articles)

    async def _of_case(self, message: Any, decide: Callable[..., CaseAnswer]) -> pb.CaseResult:
        """Makes a decision on the case of a request."""
        case_id = id_of(message, "case_id")
        return await self._done(message, order_id_of(case_id), partial(decide, case_id=case_id))

    async def _done(
        self, message: Any, order_id: str, decide: Callable[[Draft], CaseAnswer]
    ) -> pb.CaseResult:
        """Makes a decision, and answers with the case as it is after what follows."""

        def with_order(draft: Draft) -> tuple[Order, CaseAnswer]:
            return draft.order, decide(draft)

        order, found = await change(self._orders, message, order_id, with_order, actor_of(message))
        return _result(order, found)

    async def _case(self, message: Any, case_id: str) -> tuple[Order, Case]:
        """A case and its order. Raises OrderNotFound."""
        order = await order_of(self._orders, message, order_id_of(case_id))
        for case in order.parts_of(Case):
            if case.case_id == case_id:
                return order, case
        raise OrderNotFound(case_id)

    def _message(self, order: Order, case: Case) -> pb.Case:
        """A case as it is sent. A pause may have moved its deadline since it was written down."""
        message = _message(order, case)
        if case.deadline_at_ms:
            message.deadline_at_ms = self._terms.deadline_at_ms(order, case)
        return message


def _said(message: pb.AnswerCaseRequest) -> Said:
    amount_minor = amount_of(message, "amount_minor")
    return Said(role_of(message), event_of(message), amount_minor, words_of(message))


def _result(order: Order, found: CaseAnswer) -> pb.CaseResult:
    result = pb.CaseResult(
        outcome=_APPLIED, replayed=found.replayed, case=_message(order, found.case)
    )
    if found.refused:
        result.outcome = outcome_of(found.refused.reason)
        result.detail = str(found.refused)
    return result


def _message(order: Order, case: Case) -> pb.Case:
    message = wire.to_message(case, pb.Case)
    does = deadline_does(order, case) if case.deadline_at_ms else None
    if does:
        message.deadline_does = pb.CaseEvent.Value(f"CASE_EVENT_{does}")
    return message
