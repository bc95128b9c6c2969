"""Scenes about people: an extract, lookups, a check, and what is refused."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

import gateway.client as gw
from gateway.cli.demo.play import Play, masked
from gateway.cli.demo.report import Misbehaved

ABSENT = "330101190001010015"
"""A number of a valid form that nobody in the city has."""

ABSENT_FIRM = "91110108MA00000070"
"""A code of a valid form that no firm of the city has."""

_TRACING = "epidemic-tracing"
_OWN_STREET = "hangzhou/shangcheng/hubin"


def extract(play: Play) -> str:
    """Two institutions extract the same cases, and the public a coarser form. Return the police's pseudonym."""
    report = play.report
    report.scene(
        "An extract: the police trace contacts",
        "The police get place, exact time and a pseudonym of each case. Never the diagnosis, never who it is.",
    )
    raw = play.raw("health_cases", play.subject)[0]
    report.inside_row(raw)
    police = play.extract("police", _TRACING, "health_cases", "police-tracing")
    report.left_rows(_visit(police, raw["place"], raw["visited_at"]), whose="the police", cut=40)
    commission = play.extract("health-commission", _TRACING, "health_cases", "police-tracing")
    report.left_rows(_visit(commission, raw["place"], raw["visited_at"]), whose="the health commission", cut=40)
    public = play.extract("open-data-portal", "public-health-information", "health_cases", "public-places")
    report.left_rows(public.slice(0, 2), whose="the public: somebody's street and day")

    total = len(play.raw("health_cases"))
    report.prove(police.num_rows == total, f"{police.num_rows:,} of {total:,} records left, the stream is complete")
    report.prove(police.column_names == ["resident_id", "place", "visited_at"], "3 of 9 fields left, and no others")
    report.prove(public.column_names == ["visited_at", "community"], "the public got 2 fields, and no pseudonym")
    ours, theirs = set(police["resident_id"].to_pylist()), set(commission["resident_id"].to_pylist())
    people = {row["resident_id"] for row in play.raw("health_cases")}
    report.prove(
        len(ours) == len(theirs) == len(people) and not (ours & theirs or ours & people),
        f"two recipients' pseudonyms of the same {len(ours):,} people do not join: none in common",
    )
    token = _visit(police, raw["place"], raw["visited_at"])["resident_id"][0].as_py()
    sightings = play.extract("police", _TRACING, "police_sightings", "tracing-sightings")
    seen = set(sightings["resident_id"].to_pylist())
    report.prove(token in seen, "within one recipient and purpose they do: the same pseudonym in the sightings")
    report.prove(not theirs & seen, "and the health commission's lead nowhere there")
    report.note("Each recipient and purpose has a secret of its own, and pseudonyms come from it.")
    return str(token)


def lookup(play: Play, token: str) -> None:
    """A verifier looks up a colour, a firm its own entry; the police follow a case by its pseudonym."""
    report = play.report
    report.scene(
        "A lookup: the metro checks a health code",
        "A verifier gets a colour and its day, for one person at a time. Never why, nor where they were.",
    )
    raw = play.raw("health_codes", play.subject)[0]
    report.inside_row(raw)
    found = _colour(play, play.subject)
    report.left_rows(found.to_arrow())
    shown = found.to_arrow().to_pylist()
    report.prove(shown == [{name: raw[name] for name in ("colour", "assessed_on")}], "the colour and the day, as is")

    absent = _colour(play, ABSENT)
    report.left_rows(absent.to_arrow())
    report.prove(absent.to_arrow().num_rows == 0, "for a number that nobody has, nothing")
    _by_district(play)
    _entries(play)
    _by_pseudonym(play, token)


def _by_district(play: Play) -> None:
    """A lookup that does not tell where somebody lives cannot be asked district by district either."""
    more = f"of {masked(play.subject)} in hangzhou/xihu: do they live there?"
    metro = play.asks("verifier-metro", "health-code-check", "lookup health_codes/colour-check", more)
    refused: gw.GatewayError | None = None
    try:
        metro.lookup(
            "health_codes",
            "colour-check",
            purpose="health-code-check",
            by="resident_id",
            values=[play.subject],
            region="hangzhou/xihu",
        )
    except gw.GatewayError as error:
        refused = error
    near = play.refusal("verifier-metro", refused, "REGION_NOT_GRANTED").nearest
    play.report.prove(
        near is not None and near.region == "hangzhou",
        "a part of the region is refused where the answer does not tell the place",
    )


def _entries(play: Play) -> None:
    """A firm sees the entries of its street: what lies elsewhere looks like what is not there."""
    report = play.report
    firms = play.raw("enterprises")
    other = next(firm for firm in firms if not firm["community"].startswith(f"{_OWN_STREET}/"))
    # a very small city may have no firm in that street
    for own in [firm for firm in firms if firm["community"].startswith(f"{_OWN_STREET}/")][:1]:
        here = _entry(play, own["firm_code"], "a code of the street")
        report.left_rows(here.to_arrow())
        named = here.to_arrow()["firm_name"].to_pylist()
        report.prove(named == [own["firm_name"]], "a firm of the granted street has its entry")
    elsewhere = _entry(play, other["firm_code"], "the code of a firm in another street")
    report.left_rows(elsewhere.to_arrow())
    absent = _entry(play, ABSENT_FIRM, "a code that no firm has")
    report.left_rows(absent.to_arrow())
    report.prove(
        absent.to_arrow().num_rows == 0 and absent.subjects == elsewhere.subjects and absent.schema == elsewhere.schema,
        "what is not there and what lies outside the granted region look the same",
    )


def _by_pseudonym(play: Play, token: str) -> None:
    """Who was given pseudonyms asks by them, and by nothing else."""
    report = play.report
    by_token = _contacts(play, token, "by the police's own pseudonym", by_token=True)
    report.left_rows(by_token.to_arrow())
    sightings = len(play.raw("police_sightings", play.subject))
    report.prove(by_token.to_arrow().num_rows == sightings > 0, "a pseudonym selects the person: no number travels")

    refused: gw.GatewayError | None = None
    try:
        _contacts(play, play.subject, f"by the number {masked(play.subject)}", by_token=False)
    except gw.GatewayError as error:
        refused = error
    refused = play.refusal("police", refused, "REQUEST_INVALID")
    report.prove(
        isinstance(refused, gw.InvalidRequest),
        "by a number it is refused: with numbers, the police could follow anybody",
    )

    foreign = _foreign_token(play)
    by_foreign = _contacts(play, foreign, "by the health commission's pseudonym of the same person", by_token=True)
    report.left_rows(by_foreign.to_arrow())
    report.prove(by_foreign.to_arrow().num_rows == 0, "another's pseudonym selects nobody")


def check(play: Play) -> None:
    """Eligibility as a yes or no."""
    report = play.report
    report.scene(
        "A check: is this person eligible for the subsidy?",
        "The service desk gets yes or no, and with a yes the tier. The wage behind it stays inside.",
    )
    report.inside_row(play.raw("subsidies", play.subject)[0])
    yes = _eligible(play, play.subject)
    no = _eligible(play, play.ineligible)
    absent = _eligible(play, ABSENT)
    tier = play.raw("subsidies", play.subject)[0]["tier"]
    report.prove(yes.holds and yes.answer == {"tier": tier}, "the answer is the predicate's, and the tier is right")
    report.prove(
        not no.holds and not absent.holds and no.answer == absent.answer == {"tier": None},
        "a no looks like nobody at all",
    )


def refusals(play: Play) -> None:
    """What a purpose does not open stays shut; the refusal says what would pass, and that passes."""
    report = play.report
    report.scene(
        "Refusals: a purpose opens data, a rank does not",
        "The police ask for what a study gets, then for another purpose; somebody asks in order to score.",
    )
    refused = _refused(play, _TRACING, "consented-study", "made for a study, with the diagnosis")
    near = refused.nearest
    if near is None or near.steward or near.purpose != _TRACING:
        raise Misbehaved("the refusal names the nearest request of the same purpose that would pass")
    with play.asks("police", near.purpose, f"extract {near.dataset}/{near.disclosure}", "as the refusal said").extract(
        near.dataset, near.disclosure, purpose=near.purpose, region=near.region, fields=near.fields
    ) as stream:
        rows = stream.read_all()
    play.answered(stream)
    report.left(f"{rows.num_rows:,} records: {', '.join(rows.column_names)}")
    report.prove(rows.num_rows > 0, "the nearest request passes as it stands")

    more = "the same police, for another of their purposes"
    refused = _refused(play, "missing-persons", "police-tracing", more, case_number="ZS-2026-0042")
    report.prove(
        refused.nearest is not None and bool(refused.nearest.steward),
        "granted for one purpose is not for another, and none is suggested",
    )

    colour = "lookup health_codes/colour-check"
    metro = play.asks("verifier-metro", "social-scoring", colour, "which it may, for another purpose")
    try:
        metro.lookup("health_codes", "colour-check", purpose="social-scoring", by="resident_id", values=[play.subject])
    except gw.GatewayError as denied:
        refused = play.refusal("verifier-metro", denied, "DENIED_BY_RULE")
    else:
        raise Misbehaved("scoring is denied")
    report.prove(isinstance(refused, gw.Refused), "the metro may look up a colour, but not in order to score people")


def _visit(table: pa.Table, place: str, at: datetime) -> pa.Table:
    """The one row of an answer with this place and minute."""
    rows = table.to_pylist()
    hits = [number for number, row in enumerate(rows) if row["place"] == place and row["visited_at"] == at]
    if len(hits) != 1:
        raise Misbehaved("the planted visit left once, with its place and time")
    return table.slice(hits[0], 1)


def _colour(play: Play, number: str) -> gw.Lookup:
    who = "of nobody in this city" if number == ABSENT else f"of {masked(number)}"
    metro = play.asks("verifier-metro", "health-code-check", "lookup health_codes/colour-check", who)
    answer = metro.lookup(
        "health_codes", "colour-check", purpose="health-code-check", by="resident_id", values=[number]
    )
    play.answered(answer)
    return answer


def _entry(play: Play, code: str, how: str) -> gw.Lookup:
    hotel = play.asks("hotel-lakeside", "firm-self-service", "lookup enterprises/own-status", f"by {how}")
    answer = hotel.lookup(
        "enterprises", "own-status", purpose="firm-self-service", by="firm_code", values=[code], region=_OWN_STREET
    )
    play.answered(answer)
    return answer


def _contacts(play: Play, name: str, how: str, *, by_token: bool) -> gw.Lookup:
    police = play.asks("police", _TRACING, "lookup police_sightings/case-contacts", how)
    answer = police.lookup(
        "police_sightings",
        "case-contacts",
        purpose=_TRACING,
        by="resident_id",
        values=() if by_token else (name,),
        tokens=(name,) if by_token else (),
    )
    play.answered(answer)
    return answer


def _foreign_token(play: Play) -> str:
    raw = play.raw("health_cases", play.subject)[0]
    with play.of("health-commission").extract(
        "health_cases", "police-tracing", purpose=_TRACING, filters=[("visited_at", "==", raw["visited_at"])]
    ) as stream:
        table = stream.read_all()
    play.answered(stream)
    return str(_visit(table, raw["place"], raw["visited_at"])["resident_id"][0].as_py())


def _eligible(play: Play, number: str) -> gw.Check:
    who = "nobody in this city" if number == ABSENT else masked(number)
    desk = play.asks("enterprise-service-bureau", "subsidy-eligibility", "check subsidies/eligibility", who)
    answer = desk.check("subsidies", "eligibility", purpose="subsidy-eligibility", by="resident_id", value=number)
    play.answered(answer)
    tier = answer.answer["tier"]
    play.report.left_fields(
        [("eligible", "yes" if answer.holds else "no"), ("tier", "—" if tier is None else str(tier))]
    )
    return answer


def _refused(play: Play, purpose: str, disclosure: str, more: str, case_number: str = "") -> gw.GatewayError:
    """Have the police ask for cases that the purpose does not open; return the refusal."""
    police = play.asks("police", purpose, f"extract health_cases/{disclosure}", more)
    refused: gw.GatewayError | None = None
    try:
        police.extract("health_cases", disclosure, purpose=purpose, case_number=case_number).close()
    except gw.GatewayError as error:
        refused = error
    return play.refusal("police", refused, "DISCLOSURE_NOT_GRANTED")
