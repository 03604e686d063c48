"""The words of a receipt, in Chinese and English: one table."""

from typing import Final

from order_service.order.states import RefundState

ENGLISH: Final = "en"
_STATES: Final = {
    "en": {
        RefundState.REQUESTED: "Going back",
        RefundState.DONE: "Went back",
        RefundState.FAILED: "To go back",
    },
    "zh": {
        RefundState.REQUESTED: "退款中",
        RefundState.DONE: "已退款",
        RefundState.FAILED: "待退款",
    },
}
_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "receipt": "RECEIPT",
        "order": "Order",
        "shop": "Shop",
        "placed": "Placed",
        "issued": "Issued",
        "cancelled": "CANCELLED",
        "not_sent": "Not sent:",
        "goods": "Goods",
        "discount": "Discount",
        "coupon": "Coupon",
        "freight": "Freight",
        "tax": "Tax",
        "not_due": "Not delivered",
        "total": "TOTAL",
        "paid": "Paid by",
        "kept": "KEPT",
    },
    "zh": {
        "receipt": "购物小票",
        "order": "订单",
        "shop": "店铺",
        "placed": "下单",
        "issued": "开具",
        "cancelled": "订单已取消",
        "not_sent": "未发货：",
        "goods": "商品",
        "discount": "优惠",
        "coupon": "优惠券",
        "freight": "运费",
        "tax": "税费",
        "not_due": "未送达",
        "total": "合计",
        "paid": "支付方式",
        "kept": "实收",
    },
}


def words_of(language: str) -> dict[str, str]:
    """The words of a language; English where there are none of it."""
    return _WORDS.get(language, _WORDS[ENGLISH])


def refund_word(language: str, state: RefundState) -> str:
    """The words for where a refund is."""
    return _STATES.get(language, _STATES[ENGLISH])[state]
