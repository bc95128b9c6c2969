"""People who must never be seen outside: planted in every table, and unmistakable wherever they leak.

Their values are valid by every rule that ordinary values obey, so no filter has a reason to drop them, and
no ordinary resident can have them: the area code 330101, the phone prefix 199, the plate's office 浙Z and
the two characters 龘靐 are not used for anybody else.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from seeds.generator import firm_code, identity

MARKS = ("龘靐", "CANARY", "330101198808088", "1998888000")
"""Pieces of text that occur in canaries' values and in nothing else."""

CANARY_FIRM_CODE = firm_code.complete("91330101", "CANARY01")
CANARY_FIRM_NAME = "杭州龘靐CANARY有限公司"


@dataclass(frozen=True, slots=True)
class Canary:
    """One planted resident, with what each department holds about them."""

    number: int
    """From 1."""
    resident_id: str
    name: str
    sex: str
    birth_date: date
    phone: str
    address: str
    community: str
    firm_code: str
    diagnosis: str
    reason: str
    """The free text behind the health code."""
    plate: str
    consented: bool
    """Whether this person agreed to the sharing of the case record."""

    @property
    def markers(self) -> tuple[str, ...]:
        """The raw values of this person that must never be seen outside."""
        return (
            self.resident_id, self.name, self.phone, self.address, self.diagnosis, self.reason, self.plate,
        )  # fmt: skip

    @property
    def needles(self) -> tuple[bytes, ...]:
        """The markers as bytes to look for: in UTF-8, and as ASCII-only JSON writes them."""
        plain = [value.encode("utf-8") for value in self.markers]
        escaped = [json.dumps(value)[1:-1].encode("ascii") for value in self.markers]
        return tuple(dict.fromkeys(plain + escaped))


def _canary(number: int, character: str, community: str, *, consented: bool) -> Canary:
    seventeen = f"33010119880808{880 + number}"
    return Canary(
        number=number,
        resident_id=seventeen + identity.check_character(seventeen),
        name=f"龘靐{character}",
        sex="M" if number % 2 else "F",
        birth_date=date(1988, 8, 8),
        phone=f"1998888000{number}",
        address=f"杭州市龘靐弄{number}号CANARY幢{number}室",
        community=community,
        firm_code=CANARY_FIRM_CODE,
        diagnosis=f"龘靐症（CANARY-DX-{number}）",
        reason=f"龘靐密接（CANARY-RS-{number}）",
        plate=f"浙ZCN88{number}",
        consented=consented,
    )


CANARIES: tuple[Canary, ...] = (
    _canary(1, "甲", "hangzhou/xiacheng/wulin/c01", consented=True),
    _canary(2, "乙", "hangzhou/xiacheng/chaohui/c02", consented=False),
    _canary(3, "丙", "hangzhou/shangcheng/hubin/c01", consented=True),
    _canary(4, "丁", "hangzhou/gongshu/hushu/c03", consented=True),
    _canary(5, "戊", "hangzhou/xihu/lingyin/c02", consented=False),
    _canary(6, "己", "hangzhou/binjiang/changhe/c01", consented=True),
)
"""Six people, in all five districts; two of them did not consent to the sharing of their case."""


def housed_in(communities: Sequence[str]) -> tuple[Canary, ...]:
    """The canaries, with those whose community this tree lacks moved into one that it has."""
    known = set(communities)
    return tuple(
        canary
        if canary.community in known
        else replace(canary, community=communities[canary.number % len(communities)])
        for canary in CANARIES
    )
