"""The words of each notice, in Chinese and English: one table.

`{...}` are filled by `compose.py`; a test fills every one of them.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from order_service.notifications.notices import Notice
from order_service.order.model import IncidentKind


class Language(StrEnum):
    """A language that there are words in (ISO 639-1)."""

    CHINESE = "zh"
    ENGLISH = "en"


class Words(NamedTuple):
    """A message, before it is filled."""

    subject: str
    text: str


def _in_both(
    chinese_subject: str, chinese: str, english_subject: str, english: str
) -> dict[Language, Words]:
    return {
        Language.CHINESE: Words(chinese_subject, chinese),
        Language.ENGLISH: Words(english_subject, english),
    }


TEXTS: Final[dict[Notice, dict[Language, Words]]] = {
    Notice.PAYMENT_AWAITED: _in_both(
        "订单 {order_id} 已提交，等待付款",
        "{name}，您好：\n您的订单 {order_id} 已提交，商品已为您预留。\n\n{items}\n\n"
        "应付金额：{total}\n请在 {pay_by} 之前完成付款，逾期订单将自动关闭。\n",
        "Order {order_id} is placed and waits for your payment",
        "Dear {name},\nyour order {order_id} is placed, and its goods are reserved for you."
        "\n\n{items}\n\nTo be paid: {total}\nPlease pay before {pay_by}; after that the order "
        "is closed.\n",
    ),
    Notice.PAYMENT_DUE_SOON: _in_both(
        "订单 {order_id} 即将逾期，请尽快付款",
        "{name}，您好：\n您的订单 {order_id} 尚未付款，将于 {pay_by} 自动关闭。\n\n{items}\n\n"
        "应付金额：{total}\n如您已付款，请忽略本通知。\n",
        "Order {order_id} is to be paid soon",
        "Dear {name},\nyour order {order_id} is not paid yet, and is closed at {pay_by}."
        "\n\n{items}\n\nTo be paid: {total}\nIf you have just paid it, there is nothing to do.\n",
    ),
    Notice.STOCK_AWAITED: _in_both(
        "订单 {order_id} 缺货待发",
        "{name}，您好：\n您的订单 {order_id} 中有商品暂时缺货，到货后将按下单顺序为您预留。"
        "如到 {waits_until} 仍未到货，订单将自动关闭，您无需付款。\n\n"
        "{items}\n\n订单金额：{total}\n",
        "Order {order_id} waits for stock",
        "Dear {name},\nsome goods of your order {order_id} are out of stock. They are reserved "
        "for you as soon as they arrive, in the order in which orders were placed. If they have "
        "not come by {waits_until}, the order is closed and there is nothing to pay.\n\n{items}"
        "\n\nAmount: {total}\n",
    ),
    Notice.ORDER_CONFIRMED: _in_both(
        "订单 {order_id} 已生效",
        "{name}，您好：\n您的订单 {order_id} 已生效。\n\n{items}\n\n订单金额：{total}\n"
        "预计发货时间：{ships_by} 之前\n",
        "Order {order_id} is confirmed",
        "Dear {name},\nyour order {order_id} is confirmed.\n\n{items}\n\nAmount: {total}\n"
        "Expected to be shipped before {ships_by}\n",
    ),
    Notice.ORDER_REJECTED: _in_both(
        "订单 {order_id} 因缺货未能成立",
        "{name}，您好：\n很抱歉，您的订单 {order_id} 因商品缺货未能成立，您无需付款。\n\n{items}\n",
        "Order {order_id} could not be accepted",
        "Dear {name},\nwe are sorry: the goods of your order {order_id} are sold out. There is "
        "nothing to pay.\n\n{items}\n",
    ),
    Notice.ORDER_EXPIRED: _in_both(
        "订单 {order_id} 逾期未付款，已关闭",
        "{name}，您好：\n您的订单 {order_id} 未在规定时间内付款，已自动关闭。"
        "如您已付款，我们将继续为您配货，或原路退款。\n\n{items}\n\n订单金额：{total}\n",
        "Order {order_id} is closed: it was not paid in time",
        "Dear {name},\nyour order {order_id} was not paid in time and is closed. If you have "
        "paid it all the same, it is either delivered or your money goes back by itself."
        "\n\n{items}\n\nAmount: {total}\n",
    ),
    Notice.ORDER_CANCELLED: _in_both(
        "订单 {order_id} 已取消",
        "{name}，您好：\n您的订单 {order_id} 已取消。{money}\n\n{items}\n\n订单金额：{total}\n",
        "Order {order_id} is cancelled",
        "Dear {name},\nyour order {order_id} is cancelled. {money}\n\n{items}\n\nAmount: {total}\n",
    ),
    Notice.PARCEL_SHIPPED: _in_both(
        "订单 {order_id} 的包裹已发货",
        "{name}，您好：\n您的订单 {order_id} 有一个包裹已发货。\n\n{items}\n\n"
        "物流公司：{carrier}\n运单号：{waybill}\n",
        "A parcel of order {order_id} is on its way",
        "Dear {name},\na parcel of your order {order_id} is on its way.\n\n{items}\n\n"
        "Carrier: {carrier}\nWaybill: {waybill}\n",
    ),
    Notice.PARCEL_DELIVERED: _in_both(
        "订单 {order_id} 的包裹已签收",
        "{name}，您好：\n您的订单 {order_id} 有一个包裹已签收。\n\n{items}\n\n"
        "物流公司：{carrier}\n运单号：{waybill}\n如有问题，请及时与我们联系。\n",
        "A parcel of order {order_id} was delivered",
        "Dear {name},\na parcel of your order {order_id} was signed for.\n\n{items}\n\n"
        "Carrier: {carrier}\nWaybill: {waybill}\nPlease tell us if anything is wrong.\n",
    ),
    Notice.PARCEL_DELAYED: _in_both(
        "订单 {order_id} 的包裹延误",
        "{name}，您好：\n很抱歉，您的订单 {order_id} 有一个包裹未能按时送达，"
        "我们正在联系物流公司。\n\n{items}\n\n物流公司：{carrier}\n运单号：{waybill}\n",
        "A parcel of order {order_id} is late",
        "Dear {name},\nwe are sorry: a parcel of your order {order_id} has not come when it "
        "was promised. We are asking its carrier.\n\n{items}\n\nCarrier: {carrier}\n"
        "Waybill: {waybill}\n",
    ),
    Notice.PARCEL_LOST: _in_both(
        "订单 {order_id} 的包裹丢失",
        "{name}，您好：\n很抱歉，您的订单 {order_id} 有一个包裹在运输途中丢失，"
        "我们将尽快为您补发或退款。\n\n{items}\n\n物流公司：{carrier}\n运单号：{waybill}\n",
        "A parcel of order {order_id} is lost",
        "Dear {name},\nwe are sorry: a parcel of your order {order_id} was lost on its way. "
        "You get the goods again, or your money back.\n\n{items}\n\nCarrier: {carrier}\n"
        "Waybill: {waybill}\n",
    ),
    Notice.RETURN_AWAITED: _in_both(
        "订单 {order_id} 的退货申请已同意，请寄回商品",
        "{name}，您好：\n您的订单 {order_id} 中以下商品可以退回，请寄往仓库 {warehouse}，"
        "并告知我们运单号。\n\n{items}\n",
        "Order {order_id}: please send the goods back",
        "Dear {name},\nthese goods of your order {order_id} can be sent back. Please send them to "
        "our warehouse {warehouse}, and tell us the number of the parcel.\n\n{items}\n",
    ),
    Notice.RETURN_ARRIVED: _in_both(
        "订单 {order_id} 的退货已到达仓库",
        "{name}，您好：\n您订单 {order_id} 的退货已到达仓库，我们将尽快检查。\n\n{items}\n",
        "Order {order_id}: your return has arrived",
        "Dear {name},\nthe goods of your order {order_id} that you have sent back are here, and "
        "are looked at soon.\n\n{items}\n",
    ),
    Notice.RETURN_INSPECTED: _in_both(
        "订单 {order_id} 的退货已检查",
        "{name}，您好：\n您订单 {order_id} 的退货已检查：共 {units} 件，接受 {accepted} 件。"
        "\n\n{items}\n",
        "Order {order_id}: your return was looked at",
        "Dear {name},\nof the {units} units of your order {order_id} that you have sent back "
        "{accepted} are accepted.\n\n{items}\n",
    ),
    Notice.MONEY_REFUNDED: _in_both(
        "订单 {order_id} 已退款 {refunded}",
        "{name}，您好：\n您的订单 {order_id} 已退款 {refunded}，款项将原路退回。{goods}\n"
        "退款原因：{reason}\n",
        "{refunded} of order {order_id} was refunded",
        "Dear {name},\n{refunded} of your order {order_id} was refunded, the way it came. {goods}\n"
        "Reason: {reason}\n",
    ),
    Notice.PARCEL_DAMAGED: _in_both(
        "订单 {order_id} 的包裹受损",
        "{name}，您好：\n很抱歉，您的订单 {order_id} 有一个包裹受损，"
        "我们将尽快为您补发或退款。\n\n{items}\n\n物流公司：{carrier}\n运单号：{waybill}\n",
        "A parcel of order {order_id} was damaged",
        "Dear {name},\nwe are sorry: a parcel of your order {order_id} was damaged. You get the "
        "goods again, or your money back.\n\n{items}\n\nCarrier: {carrier}\n"
        "Waybill: {waybill}\n",
    ),
    Notice.PARCEL_NOT_TAKEN: _in_both(
        "订单 {order_id} 的包裹多次投递未成功",
        "{name}，您好：\n您的订单 {order_id} 有一个包裹多次投递未成功，"
        "请与物流公司或我们联系。\n\n{items}\n\n物流公司：{carrier}\n运单号：{waybill}\n",
        "A parcel of order {order_id} could not be delivered",
        "Dear {name},\na parcel of your order {order_id} could not be delivered, several times. "
        "Please talk to its carrier or to us.\n\n{items}\n\nCarrier: {carrier}\n"
        "Waybill: {waybill}\n",
    ),
    Notice.PARCEL_SENT_BACK: _in_both(
        "订单 {order_id} 的包裹正在退回",
        "{name}，您好：\n您的订单 {order_id} 有一个包裹被拒收或无法送达，正在退回我们的仓库。"
        "\n\n{items}\n\n物流公司：{carrier}\n运单号：{waybill}\n",
        "A parcel of order {order_id} comes back to us",
        "Dear {name},\na parcel of your order {order_id} was refused or could not be delivered, "
        "and comes back to us.\n\n{items}\n\nCarrier: {carrier}\nWaybill: {waybill}\n",
    ),
    Notice.PARCEL_INCOMPLETE: _in_both(
        "订单 {order_id} 的商品有误或缺失",
        "{name}，您好：\n很抱歉，您的订单 {order_id} 中以下商品有误或缺失，我们正在处理。"
        "\n\n{items}\n",
        "Goods of order {order_id} are wrong or missing",
        "Dear {name},\nwe are sorry: these goods of your order {order_id} are wrong or missing. "
        "We are seeing to it.\n\n{items}\n",
    ),
    Notice.PARCEL_LEFT_OUT: _in_both(
        "订单 {order_id} 中部分商品无法发货",
        "{name}，您好：\n很抱歉，您的订单 {order_id} 中以下商品无法发货，{money}"
        "其余商品照常配送。\n\n{items}\n",
        "Goods of order {order_id} will not be shipped",
        "Dear {name},\nwe are sorry: these goods of your order {order_id} will not be shipped. "
        "{money} The others come as ordered.\n\n{items}\n",
    ),
    Notice.ORDER_ON_HOLD: _in_both(
        "订单 {order_id} 正在审核",
        "{name}，您好：\n您的订单 {order_id} 正在人工审核，通过后即安排发货。\n\n{items}\n\n"
        "订单金额：{total}\n",
        "Order {order_id} is being looked at",
        "Dear {name},\nsomebody looks at your order {order_id} before it is shipped.\n\n{items}"
        "\n\nAmount: {total}\n",
    ),
    Notice.DELIVERY_CORRECTED: _in_both(
        "订单 {order_id} 的收货信息已更改",
        "{name}，您好：\n您的订单 {order_id} 的收货信息已按您的确认更改。"
        "如非您本人要求，请立即与我们联系。\n\n{items}\n",
        "The delivery of order {order_id} was corrected",
        "Dear {name},\nthe delivery of your order {order_id} was corrected, as you confirmed. "
        "Please tell us at once if you did not.\n\n{items}\n",
    ),
    Notice.PARCEL_IN_TROUBLE: _in_both(
        "订单 {order_id} 的包裹异常：{trouble}",
        "订单 {order_id} 有一个包裹异常：{trouble}。\n\n{items}\n\n物流公司：{carrier}\n"
        "运单号：{waybill}\n",
        "A parcel of order {order_id}: {trouble}",
        "Something is wrong with a parcel of order {order_id}: {trouble}.\n\n{items}\n\n"
        "Carrier: {carrier}\nWaybill: {waybill}\n",
    ),
    Notice.PAYMENT_HELD: _in_both(
        "订单 {order_id} 的付款正在人工核对",
        "{name}，您好：\n我们收到了订单 {order_id} 的付款，但金额或币种与应付金额不符，"
        "正在人工核对。款项安全保留，您无需再次付款，我们将尽快处理或原路退回。\n\n应付金额：{total}\n",
        "The payment of order {order_id} is looked at by a person",
        "Dear {name},\na payment for your order {order_id} has come in another sum or currency "
        "than was asked for, so a person looks at it. Your money is safe, and there is no need to "
        "pay again: it is taken, or it goes back the way it came.\n\nAsked for: {total}\n",
    ),
    Notice.REFUND_CAME_BACK: _in_both(
        "订单 {order_id} 的退款未能到账",
        "{name}，您好：\n您的银行未能接收订单 {order_id} 的退款，款项已退还给我们。"
        "我们将再次退款，或以其他方式退还。\n",
        "A refund of order {order_id} has come back to us",
        "Dear {name},\nyour bank did not take a refund of your order {order_id}. We send it again, "
        "or pay you back in another way.\n",
    ),
    Notice.NEW_ORDER: _in_both(
        "新订单 {order_id}",
        "您有一笔新订单 {order_id}，请于 {ships_by} 之前发货。\n\n{items}\n\n金额：{total}\n",
        "New order {order_id}",
        "There is a new order {order_id}, to be shipped before {ships_by}.\n\n{items}\n\n"
        "Amount: {total}\n",
    ),
    Notice.ORDER_WITHDRAWN: _in_both(
        "订单 {order_id} 已取消，请勿发货",
        "订单 {order_id} 已取消，请勿发货。\n\n{items}\n\n金额：{total}\n",
        "Order {order_id} is cancelled: do not ship it",
        "Order {order_id} is cancelled. Please do not ship it.\n\n{items}\n\nAmount: {total}\n",
    ),
}


def _said(chinese: str, english: str) -> dict[Language, str]:
    return {Language.CHINESE: chinese, Language.ENGLISH: english}


MONEY: Final = {
    True: _said("已付款项将原路退回。", "What you have paid for it goes back the way it came."),
    False: _said("您无需付款。", "Nothing was paid for it, and nothing is to be paid."),
}
"""The end of the buyer's money, by whether any came."""


class Goods(StrEnum):
    """Ends of the goods that a refund is for."""

    NOTHING_SENT = "nothing_sent"
    NOT_SENT = "not_sent"
    GIVEN = "given"
    SENT = "sent"
    UNCHANGED = "unchanged"


GOODS: Final[dict[Goods, dict[Language, str]]] = {
    Goods.NOTHING_SENT: _said("订单已取消，不再发货。", "The order is cancelled: nothing is sent."),
    Goods.NOT_SENT: _said("退款对应的商品不再发货。", "The goods that it is for are not sent."),
    Goods.GIVEN: _said(
        "退款对应的商品赠送给您。", "The goods that it is for are yours all the same."
    ),
    Goods.SENT: _said(
        "退款对应的商品此前已发出，如需退回，我们会另行通知。",
        "The goods that it is for had been sent; we write to you if they are to come back.",
    ),
    Goods.UNCHANGED: _said("订单商品不受影响。", "Nothing changes for your goods."),
}
"""The end of a refunded buyer's goods."""

TROUBLES: Final[dict[IncidentKind, dict[Language, str]]] = {
    IncidentKind.DELAY: _said("延误", "late"),
    IncidentKind.LOSS: _said("丢失", "lost"),
    IncidentKind.DAMAGE: _said("受损", "damaged"),
    IncidentKind.TEMPERATURE: _said("温度超限", "too warm or too cold"),
    IncidentKind.UNDELIVERED: _said("多次投递未成功", "nobody could take it"),
    IncidentKind.RETURN: _said("退回", "comes back"),
    IncidentKind.WRONG_ITEM: _said("商品发错", "wrong goods"),
    IncidentKind.MISSING_ITEM: _said("商品缺失", "goods are missing"),
    IncidentKind.LATE_PICK: _said("拣货超时", "its pick is overdue"),
}

_CHINESE_SPOKEN: Final = frozenset({"CN", "HK", "MO", "TW"})


def language_of(country: str) -> Language:
    """The language of messages to people in a country (ISO 3166-1)."""
    return Language.CHINESE if country in _CHINESE_SPOKEN else Language.ENGLISH
