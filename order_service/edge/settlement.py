"""SettlementService: from the wire, one call, to the wire."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from holdfast.money import MINOR_DIGITS
from holdfast.order.v1 import order_pb2
from holdfast.order.v1 import settlement_pb2 as pb
from order_service.catalogue import store
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.contracts import Contract, Period, checked_contract
from order_service.edge import wire
from order_service.edge.methods import command, method, read_page
from order_service.edge.requests import (
    actor_of,
    check_filters,
    id_in,
    id_of,
    invalid_page_token,
    is_number,
    number_in,
    reason_of,
    tenant_of,
)
from order_service.order.fields import check_id, check_money, check_name, check_whole, is_id, shown
from order_service.order.journals import Account, AccountKind, account_of
from order_service.order.refusals import InvalidField
from order_service.settlement import ledger_reads, statement_store
from order_service.settlement.closing import Settlement
from order_service.settlement.remittances import record_remittance
from order_service.settlement.statement_store import Ledger
from order_service.settlement.statements import Statement, StatementState
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines

TIME_MS_MAX: Final = 10**15
ID_LENGTH_MAX: Final = 128
MONEY_MINOR_MAX: Final = 10**12
_APPLIED: Final = order_pb2.ORDER_OUTCOME_APPLIED
_PAYS: Final = frozenset({AccountKind.PROVIDER, AccountKind.CARRIER})

Change = Callable[[Ledger], tuple[Statement, bool]]


class SettlementServicer:
    """Shows where money is, and settles with merchants."""

    def __init__(
        self, orders: Orders, catalogue: Catalogue, settlement: Settlement, deadlines: Deadlines
    ) -> None:
        self._orders = orders
        self._catalogue = catalogue
        self._settlement = settlement
        self.deadlines = deadlines

    @method
    async def GetBalances(self, request: pb.GetBalancesRequest) -> pb.GetBalancesResponse:
        _check_account(request)
        check_filters(request, _check_currency, "currency")
        read = partial(
            ledger_reads.get_balances,
            tenant=tenant_of(request),
            account=request.account,
            currency=request.currency,
        )
        return wire.listed(pb.GetBalancesResponse, await self._orders.read(read))

    @method
    async def ListJournals(self, request: pb.ListJournalsRequest) -> pb.ListJournalsResponse:
        _check_account(request)
        check_filters(request, check_id, "order_id")
        for name in ("from_at_ms", "before_at_ms"):
            check_whole(name, getattr(request, name), 0, TIME_MS_MAX)
        read = partial(
            ledger_reads.list_journals,
            tenant=tenant_of(request),
            order_id=request.order_id,
            account=request.account,
            from_at_ms=request.from_at_ms,
            before_at_ms=request.before_at_ms,
            after=id_in(request.page_token),
        )
        page = await read_page(self._orders, request, read, lambda journal: journal.journal_id)
        return wire.listed(pb.ListJournalsResponse, *page)

    @command(pb.RecordRemittanceResponse)
    async def RecordRemittance(
        self, request: pb.RecordRemittanceRequest
    ) -> pb.RecordRemittanceResponse:
        check_money("amount_minor", request.amount_minor)
        check_money("fee_minor", request.fee_minor)
        if not request.amount_minor and not request.fee_minor:
            raise InvalidField("amount_minor", "must be above 0, or fee_minor", 0)
        _check_currency("currency", request.currency)
        record = partial(
            record_remittance,
            ids=self._orders.ids,
            tenant=tenant_of(request),
            source=_payer_of(request),
            currency=request.currency,
            arrived_minor=request.amount_minor,
            fee_minor=request.fee_minor,
            key=id_of(request, "key"),
            actor=actor_of(request),
            now_ms=self._orders.clock_ms(),
        )
        replayed = await self._orders.write(record)
        return pb.RecordRemittanceResponse(outcome=_APPLIED, replayed=replayed)

    @method
    async def PutContract(self, request: pb.PutContractRequest) -> pb.PutContractResponse:
        tenant, wanted = tenant_of(request), checked_contract(_contract_of(request.contract))
        now_ms = self._orders.clock_ms()
        made, replayed = await self._catalogue.put_contract(tenant, wanted, now_ms)
        response = pb.PutContractResponse(replayed=replayed)
        wire.fill(made, response.contract)
        return response

    @method
    async def ListContracts(self, request: pb.ListContractsRequest) -> pb.ListContractsResponse:
        check_filters(request, check_id, "merchant_id")
        read = partial(
            store.list_contracts,
            tenant=tenant_of(request),
            merchant_id=request.merchant_id,
            after=_contract_in(request.page_token),
        )
        page = await read_page(
            self._orders, request, read, lambda each: f"{each.contract_no}.{each.merchant_id}"
        )
        return wire.listed(pb.ListContractsResponse, *page)

    @method
    async def ListStatements(self, request: pb.ListStatementsRequest) -> pb.ListStatementsResponse:
        check_filters(request, check_id, "merchant_id")
        states, state = pb.Statement.State, request.state
        wanted = wire.filter_of(StatementState, states, state, "state", "a state of a statement")
        read = partial(
            statement_store.list_statements,
            tenant=tenant_of(request),
            merchant_id=request.merchant_id,
            state=wanted or "",
            after=_statement_in(request.page_token),
        )
        page = await read_page(self._orders, request, read, lambda each: each.statement_id)
        return wire.listed(pb.ListStatementsResponse, *page)

    @command(pb.GetStatementResponse)
    async def GetStatement(self, request: pb.GetStatementRequest) -> pb.GetStatementResponse:
        tenant, statement_id = tenant_of(request), _statement_id(request)
        read = partial(statement_store.read_statement, tenant=tenant, statement_id=statement_id)
        statement, sums, moves = await self._orders.read(read)
        response = pb.GetStatementResponse(outcome=_APPLIED)
        wire.fill(statement, response.statement)
        response.sums.extend(wire.to_messages(sums, pb.StatementSum))
        response.moves.extend(wire.to_messages(moves, pb.StatementMove))
        return response

    @method
    async def ListStatementLines(
        self, request: pb.ListStatementLinesRequest
    ) -> pb.ListStatementLinesResponse:
        read = partial(
            statement_store.list_statement_lines,
            tenant=tenant_of(request),
            statement_id=_statement_id(request),
            after_no=number_in(request.page_token),
        )
        page = await read_page(self._orders, request, read, lambda line: str(line.account_no))
        return wire.listed(pb.ListStatementLinesResponse, *page)

    @command(pb.StatementResult)
    async def ConfirmStatement(self, request: pb.ConfirmStatementRequest) -> pb.StatementResult:
        tenant, name = tenant_of(request), _statement_id(request)
        return await self._done(request, lambda ledger: ledger.confirm(tenant, name))

    @command(pb.StatementResult)
    async def ObjectStatement(self, request: pb.ObjectStatementRequest) -> pb.StatementResult:
        tenant, name, why = tenant_of(request), _statement_id(request), reason_of(request, 1)
        return await self._done(request, lambda ledger: ledger.object(tenant, name, why))

    @command(pb.StatementResult)
    async def AnswerStatement(self, request: pb.AnswerStatementRequest) -> pb.StatementResult:
        tenant, name, why = tenant_of(request), _statement_id(request), reason_of(request, 1)
        most = MONEY_MINOR_MAX
        check_whole("correction_minor", request.correction_minor, -most, most)
        correction_minor = request.correction_minor
        return await self._done(
            request, lambda ledger: ledger.answer(tenant, name, correction_minor, why)
        )

    @command(pb.StatementResult)
    async def PayStatement(self, request: pb.PayStatementRequest) -> pb.StatementResult:
        tenant, name = tenant_of(request), _statement_id(request)
        return await self._done(request, lambda ledger: ledger.pay(tenant, name))

    @command(pb.StatementResult)
    async def RecordPayout(self, request: pb.RecordPayoutRequest) -> pb.StatementResult:
        tenant, name = tenant_of(request), _statement_id(request, "payout_id")
        check_filters(request, check_name, "payout_ref")
        result = request.result
        if result not in (request.SENT, request.FAILED):
            raise InvalidField("result", "must be SENT or FAILED", result)
        why = reason_of(request, 1 if result == request.FAILED else 0)
        if result == request.FAILED:
            return await self._done(request, lambda ledger: ledger.failed(tenant, name, why))
        reference = request.payout_ref
        return await self._done(request, lambda ledger: ledger.sent(tenant, name, reference))

    async def _done(self, request: Any, decide: Change) -> pb.StatementResult:
        """Makes a change of a statement, and answers with it."""
        statement, replayed = await self._settlement.change(decide, actor_of(request))
        result = pb.StatementResult(outcome=_APPLIED, replayed=replayed)
        wire.fill(statement, result.statement)
        return result


def _contract_of(message: pb.Contract) -> Contract:
    """A contract as it was sent. Raises InvalidField."""
    periods = pb.Contract.Period
    period = wire.filter_of(Period, periods, message.period, "contract.period", "a period")
    return Contract(
        merchant_id=message.merchant_id,
        from_at_ms=message.from_at_ms,
        commission_bp=message.commission_bp,
        service_fee_bp=message.service_fee_bp,
        coupon_bp=message.coupon_bp,
        merchant_ships=not message.platform_ships,
        merchant_collects=message.merchant_collects,
        period=period or Period.MONTH,
        period_days=message.period_days,
        zone=message.zone or "UTC",
        payout_min_minor=(
            message.payout_min_minor
            if message.HasField("payout_min_minor")
            else Contract().payout_min_minor
        ),
    )


def _check_account(request: Any) -> None:
    """Raises InvalidField for an account that there cannot be; "" means all."""
    try:
        named = account_of(request.account) if request.account else None
    except ValueError:
        named = Account(AccountKind.ESCROW, "\0")
    fits = named is None or (named.name == request.account and is_id(named.whose or "x"))
    if not fits:
        problem = "must be an account, such as escrow or merchant:m1"
        raise InvalidField("account", problem, shown(request.account))


def _payer_of(request: pb.RecordRemittanceRequest) -> Account:
    _check_account(request)
    account = account_of(request.account) if request.account else Account(AccountKind.BANK)
    if account.kind not in _PAYS or not account.whose:
        problem = "must be provider:NAME or carrier:NAME"
        raise InvalidField("account", problem, shown(request.account))
    return account


def _check_currency(field: str, value: str) -> None:
    if value not in MINOR_DIGITS:
        raise InvalidField(field, "must be a currency's code (ISO 4217)", shown(value))


def _statement_id(request: Any, field: str = "statement_id") -> str:
    """The id of a statement, or of a payout. Raises InvalidField."""
    found: str = getattr(request, field)
    parts = found.split("/")
    numbers = parts[2:]
    fits = len(parts) == (4 if field == "payout_id" else 3) and all(map(is_number, numbers))
    if not fits or not is_id(parts[0]) or parts[1] not in MINOR_DIGITS:
        example = "m1/CNY/3/1" if field == "payout_id" else "m1/CNY/3"
        raise InvalidField(field, f"must be as in {example}", shown(found))
    return found


def _statement_in(token: str) -> tuple[str, str, int]:
    """The statement that a page token names. Raises InvalidField."""
    merchant_id, currency, number = [*token.split("/"), "", "", ""][:3]
    if token and not (token.count("/") == 2 and is_id(merchant_id) and is_number(number)):
        raise invalid_page_token(token)
    return merchant_id, currency, int(number or 0)


def _contract_in(token: str) -> tuple[str, int]:
    """The contract that a page token names. Raises InvalidField."""
    number, _, merchant_id = token.partition(".")
    if token and not (is_number(number) and is_id(merchant_id)):
        raise invalid_page_token(token)
    return merchant_id, int(number or 0)
