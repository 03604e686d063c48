"""Names of regions that the data of address forms does not have: renamings, exonyms, characters."""

import re
from collections.abc import Mapping
from typing import Final

NAMES_OF_TODAY: Final[Mapping[str, Mapping[str, str]]] = {
    "KR": {"강원도": "강원특별자치도", "전라북도": "전북특별자치도"},
    "TR": {"Afyon": "Afyonkarahisar"},
}
"""By country and the name that the data has: regions that have another name by now."""

OTHER_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "AE": {"Abu Zaby": "أبو ظبي", "Dubayy": "إمارة دبيّ", "Ash Shariqah": "إمارة الشارقةّ"},
    "BR": {"Distrito Federal (Brasília)": "DF", "Brasília": "DF"},
    "CA": {"Newfoundland": "NL", "P.E.I.": "PE", "Yukon Territory": "YT", "N.W.T.": "NT"},
    "CN": {
        "Inner Mongolia": "内蒙古自治区",
        "Tibet": "西藏自治区",
        "Guangxi": "广西壮族自治区",
        "Xinjiang": "新疆维吾尔自治区",
        "Macao": "澳门",
        "Peking": "北京市",
        "Canton": "广东省",
        "香港特别行政区": "香港",
        "澳门特别行政区": "澳门",
    },
    "CO": {"Bogotá D.C.": "Bogotá", "Distrito Capital": "Bogotá"},
    "ES": {
        "Araba": "VI",
        "Alacant": "A",
        "Baleares": "PM",
        "Illes Balears": "PM",
        "Bizkaia": "BI",
        "Biscay": "BI",
        "Castelló": "CS",
        "A Coruña": "C",
        "Gerona": "GI",
        "Gipuzkoa": "SS",
        "Lleida": "L",
        "Nafarroa": "NA",
        "Orense": "OR",
        "Tenerife": "TF",
        "València": "V",
    },
    "ID": {"Yogyakarta": "Daerah Istimewa Yogyakarta", "Jakarta": "DKI Jakarta"},
    "IN": {
        "Orissa": "Odisha",
        "Pondicherry": "Puducherry",
        "Uttaranchal": "Uttarakhand",
        "NCT of Delhi": "Delhi",
        "New Delhi": "Delhi",
        "Daman and Diu": "Dadra and Nagar Haveli and Daman and Diu",
        "Dadra and Nagar Haveli": "Dadra and Nagar Haveli and Daman and Diu",
    },
    "KR": {
        "제주도": "제주특별자치도",
        "서울시": "서울특별시",
        "부산시": "부산광역시",
        "세종시": "세종특별자치시",
    },
    "MX": {
        "D.F.": "CDMX",
        "Distrito Federal": "CDMX",
        "Mexico City": "CDMX",
        "México": "Méx.",
        "Edomex": "Méx.",
    },
    "RU": {
        "Moscow": "Москва",
        "Saint Petersburg": "Санкт-Петербург",
        "St. Petersburg": "Санкт-Петербург",
        "Кемеровская область - Кузбасс": "Кемеровская область",
    },
    "TW": {
        "台北": "台北市",
        "Taipei": "台北市",
        "台北縣": "新北市",
        "Taipei County": "新北市",
    },
    "US": {"Washington D.C.": "DC", "Calif.": "CA", "Mass.": "MA", "Penna.": "PA"},
    "VE": {"La Guaira": "Vargas"},
}
"""By country: what people call a region beside its names in the data, and the data's key of it."""

NEW_REGIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "ID": ("Papua Barat Daya", "Papua Pegunungan", "Papua Selatan", "Papua Tengah"),
}
"""By country: regions that are younger than the data."""

KINDS_BEHIND: Final = re.compile(
    "(?<=..)(?:特别行政区|(?:壮族|回族|维吾尔)?自治区|[省市县都府道]|특별자치[도시]|광역시|특별시|[도시])$"
)
"""A kind of region behind a name, which people leave out or take for another."""
_WORDS = (
    "province prefecture state county city municipality region department district governorate "
    "emirate special autonomous republic sheng shi ken fu to do si of the provincia estado edo "
    "departamento distrito de область край республика автономный автономная округ إمارة"
)
KINDS_BESIDE: Final = frozenset(_WORDS.split())
"""Kinds of regions in words of their own, and what joins them."""

# One sign of each pair is written for the other, in another country or another century.
_PAIRS: Final = (
    "臺台 灣湾 廣广 広广 東东 蘇苏 寧宁 遼辽 龍龙 貴贵 雲云 陝陕 肅肃 慶庆 "
    "門门 壯壮 區区 縣县 県县 義义 園园 蘭兰 蓮莲 連连 維维 爾尔 內内 關关 "
    "島岛 嶋岛 馬马 長长 靜静 賀贺 庫库 鳥鸟 岡冈 德徳 愛爱 﨑崎 沖冲 縄绳 "
    "繩绳 児儿 兒儿 宮宫 瀉潟 泻潟 歐欧 澤泽 沢泽 濱滨 浜滨 國国 絲丝 號号 "
    "黃黄 萬万 興兴 別别 發发 臨临 橋桥 鄉乡 鎮镇 烏乌 吳吴 魯鲁 鹽盐 塩盐 "
    "陽阳 陰阴 漢汉 齊齐 濟济 濰潍 煙烟 無无 錫锡 揚扬 豐丰 豊丰 戶户 葉叶 "
    "峽峡 禮礼 會会 廳厅 薩萨 麗丽 樂乐 邊边 辺边 贛赣 滬沪 蔣蒋 巖岩 榮荣 "
    "湯汤"
)
SAME_SIGN: Final = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
"""Puts one sign in stead of those that are written for it, for comparing."""
