"""What a column may say of a person, guessed from its name and from the form of its values. An officer confirms.

Recognised forms: resident identity numbers (GB 11643-1999, with the check of ISO 7064 MOD 11-2), unified social
credit codes (GB 32100-2015, with its MOD 31 check), mobile numbers and number plates (GA 36) of mainland China, e-mail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.cli.contract.column_types import decoded
from gateway.model.contract import CanonicalForm, Classification
from gateway.model.values import FieldType

_DIRECT, _QUASI, _SENSITIVE = (
    Classification.DIRECT_IDENTIFIER,
    Classification.QUASI_IDENTIFIER,
    Classification.SENSITIVE,
)


@dataclass(frozen=True, slots=True)
class Clue:
    """A guess with its reason. `unit` says that the column may name the subject that the rows are about."""

    classification: Classification
    why: str
    canonical: CanonicalForm = CanonicalForm.TEXT
    unit: bool = False


@dataclass(frozen=True, slots=True)
class _Name:
    """`english` matches the words of a name, `chinese` any part of it; `field` is what to call the latter."""

    english: str
    chinese: str
    field: str
    clue: Clue

    def matches(self, name: str) -> bool:
        words = _words(name)
        return bool(re.search(rf"\b(?:{self.english})\b", words) or (self.chinese and re.search(self.chinese, name)))


_NAMES = (
    _Name(
        r"resident id|id card|identity (?:card|number|no)|national id|id number|id no|ssn|passport(?: no| number)?",
        "身份证|公民身份|证件号|护照",
        "resident_id",
        Clue(_DIRECT, "the name is that of an identity document", CanonicalForm.RESIDENT_ID, unit=True),
    ),
    _Name(
        r"phone|mobile|telephone|tel|cell ?phone|msisdn|fax|contact number",
        "手机|电话|联系方式",
        "phone",
        Clue(_DIRECT, "the name is that of a phone number", CanonicalForm.PHONE),
    ),
    _Name("e ?mail|mail address", "邮箱|电子邮件", "email", Clue(_DIRECT, "the name is that of an e-mail address")),
    _Name(
        r"plate|plate (?:no|number)|licen[cs]e plate|vin|tail ?num(?:ber)?|tail no|registration (?:no|number|mark)|"
        r"vehicle (?:id|no|number)|hull number",
        "车牌|号牌|车架号|车辆号",
        "plate",
        Clue(_DIRECT, "the name is that of a vehicle's or an aircraft's registration", unit=True),
    ),
    _Name(
        r"credit code|uscc|tax (?:id|no|number)|firm (?:id|code)|company (?:id|code)|enterprise (?:id|code)|"
        r"organi[sz]ation (?:id|code)",
        "信用代码|税号|组织机构代码|企业编号|企业代码",
        "firm_code",
        Clue(_DIRECT, "the name is that of a firm's number", unit=True),
    ),
    _Name(
        r"(?:person|patient|user|customer|client|member|student|pupil|employee|staff|worker|passenger|driver|card|"
        r"account|policy|device|household|subject|respondent|participant|applicant|citizen) ?"
        r"(?:id|no|num|number|code|key)|"
        r"uid|uuid|guid|imei|imsi|mac|ip(?: address)?|individual id|case (?:id|no|number)|medical record number|mrn",
        "编号|用户|学号|工号|病历号|医保号|社保号|卡号|账号|户号",
        "subject_id",
        Clue(_DIRECT, "the name is that of a number given to one person or thing", unit=True),
    ),
    _Name(
        r"(?:full|first|last|given|family|middle|maiden|user|person|patient|customer|driver|owner|contact) ?name|"
        r"sur ?name|name|legal representative",
        "姓名|名字|法人|联系人|户主",
        "name",
        Clue(_DIRECT, "the name says that it names somebody or something"),
    ),
    _Name(
        r"address|street(?: address)?|house number|home",
        "地址|住址|门牌|户籍地",
        "address",
        Clue(_DIRECT, "the name is that of an address"),
    ),
    _Name(
        r"birth ?(?:date|day)?|date of birth|dob|birth year|year of birth|born",
        "出生|生日",
        "birth_date",
        Clue(_QUASI, "the name is that of a date of birth"),
    ),
    _Name(r"age|ages|age group", "年龄|岁", "age", Clue(_QUASI, "the name is that of an age")),
    _Name("sex|gender", "性别", "sex", Clue(_QUASI, "the name is that of a person's sex")),
    _Name(
        r"zip(?: ?code)?|post(?:al)? ?code|postcode", "邮编|邮政编码", "postcode",
        Clue(_QUASI, "the name is that of a postcode"),
    ),
    _Name(
        r"lat|latitude|lon|lng|long|longitude|coord|coordinates?|geo ?hash|easting|northing|location|gps",
        "经度|纬度|坐标|位置",
        "coordinate",
        Clue(_QUASI, "the name is that of a position; a few positions tell who somebody is"),
    ),
    _Name(
        r"city|town|village|community|district|county|province|state|country|nation|region|area|place|neighbou?rhood|"
        r"origin|dest|destination|station|stop|venue|school|hospital|birth ?place",
        "省|市|区|县|镇|乡|街道|社区|村|籍贯|地区|地点|站",
        "place",
        Clue(_QUASI, "the name is that of a place"),
    ),
    _Name(
        r"race|ethnic(?:ity)?|nationality|religion|marital(?: status)?|education|occupation|job|profession|employer|"
        r"income|wage|salary|language|title",
        "民族|国籍|宗教|婚姻|学历|职业|单位|收入|工资",
        "attribute",
        Clue(_QUASI, "the name is that of something others know about a person"),
    ),
    _Name(
        r"diagnosis|disease|icd|symptom|medication|health|disability|pregnan\w*|blood|test result|criminal|offen[cs]e",
        "诊断|疾病|病|症状|用药|健康|残疾|犯罪|检测结果",
        "condition",
        Clue(_SENSITIVE, "the name is that of health or of an offence"),
    ),
    _Name(
        r"date|time|timestamp|datetime|year|month|week|day|hour|minute|second",
        "日期|时间|年|月|日|时刻",
        "time",
        Clue(_QUASI, "the name is that of a time; with others it can single somebody out"),
    ),
)  # fmt: skip

_RESIDENT_ID = re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])", re.ASCII)
_FIRM_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_FIRM_CODE = re.compile(rf"(?<![0-9A-Z])[{_FIRM_ALPHABET}]{{18}}(?![0-9A-Z])")
_PHONE = re.compile(r"(?<![0-9])(?:\+?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9]{4}){2}(?![0-9])", re.ASCII)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][·\s-]?[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳]"
)

SAMPLE_ROWS = 1000
"""Rows of a batch whose values are looked at."""
_DENSE_BATCHES, _SPARSE = 32, 64
_MAX_KNOWN = 50_000
_ENOUGH = 50
_RARE = 0.01


class Detective:
    """Looks at samples from all over one column. Keeps counts and hashes, never a value."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._batch = 0
        self._looked = 0
        self._known: set[int] = set()
        self._counted = 0
        self._forms = {form: 0 for form in _FORMS}

    def watch(self, column: pa.Array[Any]) -> None:
        """Take a batch into account: of the first batches each, of later ones each 64th."""
        self._batch += 1
        if self._batch > _DENSE_BATCHES and self._batch % _SPARSE:
            return
        column = decoded(column)
        if pa.types.is_nested(column.type) or pa.types.is_floating(column.type):
            return
        try:
            values = pc.cast(column.slice(0, SAMPLE_ROWS).drop_null(), pa.string())
        except pa.ArrowException:
            return
        self._looked += len(values)
        for value in values.to_pylist():
            if self._counted < _MAX_KNOWN:
                self._counted += 1
                self._known.add(hash(value))
            for form, (holds, _) in _FORMS.items():
                self._forms[form] += holds(value)

    def found(self, type_: FieldType | None) -> Clue:
        """Return the strongest clue: the form of the values, then the name, then how different the values are."""
        for form, (_, clue) in _FORMS.items():
            if self._forms[form] > (_RARE if type_ is FieldType.STRING else 0.5) * self._looked:
                return clue
        for entry in _NAMES:
            if entry.matches(self._name):
                return entry.clue
        return self._by_kind(type_)

    def _by_kind(self, type_: FieldType | None) -> Clue:
        unique = self._counted >= _ENOUGH and len(self._known) > 0.95 * self._counted
        if unique and type_ is FieldType.STRING:
            return Clue(_DIRECT, "almost every value is different, as names and numbers of persons are", unit=True)
        if unique and type_ is FieldType.INT64:
            return Clue(_QUASI, "almost every value is different, as the numbers of persons are", unit=True)
        if type_ in (FieldType.DATE, FieldType.TIMESTAMP):
            return Clue(_QUASI, "a time, together with others, can single somebody out")
        return Clue(_SENSITIVE, "nothing was recognised; 'other' only if it says nothing of anybody")


def english_name(name: str) -> str:
    """Return what a column with a Chinese name could be called; "" if nothing is recognised."""
    for entry in _NAMES:
        if entry.chinese and re.search(entry.chinese, name):
            return entry.field
    return ""


def _words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[a-z]+|[0-9]+", spaced.casefold()))


def _is_resident_id(text: str) -> bool:
    for match in _RESIDENT_ID.finditer(text):
        digits = match[0].upper()
        total = sum(int(digit) * 2**power for digit, power in zip(digits, range(17, 0, -1), strict=False))
        if "10X98765432"[total % 11] == digits[17]:
            return True
    return False


def _is_firm_code(text: str) -> bool:
    for match in _FIRM_CODE.finditer(text):
        values = [_FIRM_ALPHABET.index(character) for character in match[0]]
        total = sum(value * pow(3, place, 31) for place, value in enumerate(values[:17]))
        if (31 - total % 31) % 31 == values[17] and not match[0].isdigit():
            return True
    return False


_FORMS = {
    "resident": (
        _is_resident_id,
        Clue(_DIRECT, "values have the form of resident identity numbers", CanonicalForm.RESIDENT_ID, unit=True),
    ),
    "firm": (
        _is_firm_code,
        Clue(_DIRECT, "values have the form of unified social credit codes", CanonicalForm.FIRM_CODE, unit=True),
    ),
    "email": (lambda text: bool(_EMAIL.search(text)), Clue(_DIRECT, "values have the form of e-mail addresses")),
    "phone": (
        lambda text: bool(_PHONE.search(text)),
        Clue(_DIRECT, "values have the form of mobile numbers", CanonicalForm.PHONE),
    ),
    "plate": (
        lambda text: bool(_PLATE.search(text)),
        Clue(_DIRECT, "values have the form of number plates", CanonicalForm.PLATE, unit=True),
    ),
}
