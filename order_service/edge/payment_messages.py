"""Payments, refunds and what reconciliation finds, as messages of the contract."""

from holdfast.order.v1 import order_pb2, payment_pb2
from order_service.order.model import Payment, Refund
from order_service.payment.books import Book, FailedRefund
from order_service.payment.reconcile import Difference, Report


def payment_message(payment: Payment) -> order_pb2.Payment:
    """A payment."""
    return order_pb2.Payment(
        payment_id=payment.payment_id,
        state=order_pb2.Payment.State.Value(payment.state),
        method=payment.method,
        provider=payment.provider,
        provider_ref=payment.provider_ref,
        amount_minor=payment.amount_minor,
        captured_minor=payment.captured_minor,
        refunded_minor=payment.refunded_minor,
        created_at_ms=payment.created_at_ms,
        updated_at_ms=payment.updated_at_ms,
        payment_key=payment.payment_key,
        captured_currency=payment.captured_currency,
    )


def refund_message(refund: Refund) -> order_pb2.Refund:
    """A refund."""
    return order_pb2.Refund(
        refund_id=refund.refund_id,
        refund_key=refund.refund_key,
        payment_id=refund.payment_id,
        state=order_pb2.Refund.State.Value(refund.state),
        amount_minor=refund.amount_minor,
        reason=refund.reason,
        provider_ref=refund.provider_ref,
        created_at_ms=refund.created_at_ms,
        updated_at_ms=refund.updated_at_ms,
    )


def failed_refund_message(failed: FailedRefund) -> payment_pb2.FailedRefund:
    """A refund that waits for a person."""
    return payment_pb2.FailedRefund(
        refund=refund_message(failed.refund),
        order_id=failed.refund.order_id,
        provider=failed.provider,
        currency=failed.currency,
    )


def report_message(report: Report) -> payment_pb2.ReconcileResponse:
    """What a reconciliation found."""
    return payment_pb2.ReconcileResponse(
        provider=report.provider,
        day=report.day.isoformat(),
        entries=report.entries,
        matched=report.matched,
        differences=[_difference(difference) for difference in report.differences],
    )


def book_message(book: Book) -> payment_pb2.PaymentBook:
    """The sums of a provider and currency."""
    return payment_pb2.PaymentBook(
        provider=book.provider,
        currency=book.currency,
        payments=book.payments,
        captured_minor=book.captured_minor,
        refunded_minor=book.refunded_minor,
        refunding_minor=book.refunding_minor,
        quarantined_minor=book.quarantined_minor,
    )


def _difference(difference: Difference) -> payment_pb2.Difference:
    return payment_pb2.Difference(
        kind=payment_pb2.DifferenceKind.Value(f"DIFFERENCE_KIND_{difference.kind}"),
        payment_id=difference.payment_id,
        refund_id=difference.refund_id,
        provider_ref=difference.provider_ref,
        here_minor=difference.here_minor,
        there_minor=difference.there_minor,
        currency=difference.currency,
        repaired=difference.repaired,
    )
