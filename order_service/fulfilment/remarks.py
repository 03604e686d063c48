"""Remarks that a person has to read before the order goes on: rules for words (O15, O16). Pure.

A sale with a box for remarks would stand still if each of them stopped its order.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from order_service.order.text import narrow

# Words by which buyers ask for something else than they ordered; Latin ones by their beginnings.
_WORDS = (
    "address instead cancel change wrong mistake refund return exchange replace swap urgent stop "
    "hold wait delay postpone not-order did-not didnt dont-ship do-not-ship dont-send do-not-send "
    "not-me fraud scam lawyer police complain allerg invoice deliver-to send-to ship-to "
    "地址 改 换 換 取消 退 错 錯 不要发 不要發 别发 別發 不要寄 先不 暂缓 晚点发 急 投诉 投訴 "
    "骗 騙 不是我 没买 寄到 发到 發到 发票 發票 过敏 過敏 "
    "adresse storn änder falsch statt nicht-liefern rechnung annul chang rempla erreur rembours "
    "dirección cancela cambi equivoc reembols endereço troc indirizzo sbaglia rimbors "
    "адрес отмен измен ошиб верн замен 住所 変更 キャンセル 間違 返品 返金 急ぎ "
    "주소 변경 취소 환불 잘못 교환 عنوان إلغاء تغيير"
)
REMARK_WORDS: Final = tuple(word.replace("-", " ") for word in _WORDS.split())
# A number that may be called, and a link.
_ALWAYS: Final = r"(?:[0-9][\s-]?){7}|https?:|www\."


def is_to_be_read(text: str, words: Iterable[str] = REMARK_WORDS) -> bool:
    """Whether a person has to read a remark before its order goes on."""
    plain = narrow(text).casefold().replace("'", "").replace("’", "")
    return bool(_pattern(tuple(words)).search(" ".join(plain.split())))


@cache
def _pattern(words: tuple[str, ...]) -> "re.Pattern[str]":
    """Finds words where they begin; those of scripts without spaces anywhere."""
    begun = [rf"\b{re.escape(word.casefold())}" for word in words if _has_spaces(word)]
    anywhere = [re.escape(word.casefold()) for word in words if not _has_spaces(word)]
    return re.compile("|".join([_ALWAYS, *begun, *anywhere]))


def _has_spaces(word: str) -> bool:
    return all(char < "\u1100" for char in word)
