"""Plays the steps of a story against a gateway over TLS, and checks every outcome against the city's tables."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

import gateway.client as gw
from seeds.generator import Canary
from tests.integration.scenarios import questions
from tests.integration.scenarios.offices import Offices, serving
from tests.integration.scenarios.pushes import Pushes, exact_or_withheld
from tests.integration.scenarios.rehearsal import rehearsed
from tests.integration.scenarios.story import Edit, Gets, Step, Subject
from tests.integration.scenarios.truth import Groups, Plain, grouped, leaks, plain, rows_of, treated
from tests.integration.scenarios.warrants import Warrants
from tests.integration.site import Site

STATUS: Mapping[str, tuple[type[gw.GatewayError], ...]] = {
    "INVALID_ARGUMENT": (gw.InvalidRequest,),
    "PERMISSION_DENIED": (gw.Refused,),
    "RESOURCE_EXHAUSTED": (gw.BudgetExhausted, gw.CapExceeded),
    "FAILED_PRECONDITION": (gw.NotNow,),
}
"""The client's errors of each gRPC status."""

_RELOAD_SECONDS = 15.0


@dataclass(frozen=True)
class Remembered:
    """What an extract gave, by token, beside the raw rows that it came from, by raw id."""

    tokens: Groups
    raw: Groups

    def candidates(self, token: str) -> list[str]:
        """The people whom a token can stand for, as far as the rows tell."""
        return [name for name, group in self.raw.by_name.items() if group == self.tokens.by_name[token]]


@dataclass
class Player:
    """One story's memory."""

    site: Site
    data: Path
    canaries: Sequence[Canary]
    people: dict[str, Remembered] = field(default_factory=dict)
    releases: dict[str, gw.Release] = field(default_factory=dict)
    offices: Offices = field(init=False)
    pushes: Pushes = field(init=False)

    def __post_init__(self) -> None:
        self.offices = Offices(Warrants(self.data))
        self.pushes = Pushes(self.data, self._canary)

    def play(self, step: Step) -> None:
        """Play one step."""
        if step.edit is not None:
            self._edit(step.edit, step.reload == "accepted")
            return
        if step.office is not None:
            canaries = [self._canary(number) for number in step.office.agreed or step.office.withdrew]
            self.offices.play(self.site, step, step.office, canaries, STATUS)
            return
        with self.site.connect(step.who, step.person) as gateway:
            if step.refused is not None:
                self._refused(gateway, step)
            else:
                assert step.gets is not None
                self._gets(gateway, step, step.gets)

    # --- refusals ------------------------------------------------------------------------------------------------

    def _refused(self, gateway: gw.Gateway, step: Step) -> None:
        try:
            answer = self._ask(gateway, step)
        except gw.GatewayError as error:
            refusal = error
        else:
            raise AssertionError(f"this should have been refused: {type(answer).__name__}")
        assert refusal.reason == step.refused
        assert step.status is not None
        assert isinstance(refusal, STATUS[step.status])
        if step.nearest is not None:
            assert refusal.nearest is not None
            assert refusal.nearest.purpose == step.why
            assert list(refusal.nearest.fields) == step.nearest.fields
            assert refusal.nearest.region == (step.nearest.region or step.where)
        assert leaks(self.canaries, f"{refusal} {refusal.details!r}", ()) == []
        if refusal.receipt_id:
            receipt = gateway.receipt(refusal.receipt_id)
            gw.verify_receipt(receipt)
            assert (receipt.institution, receipt.person) == (step.who, step.person)
            assert (receipt.reason, receipt.rows) == (step.refused, 0)
            assert leaks(self.canaries, str(receipt), ()) == []
        else:
            # what is not well formed is not decided, and so not recorded; nor is who comes a second time
            assert step.status == "INVALID_ARGUMENT" or step.refused == "REIDENTIFICATION_COLLECTED"

    # --- what comes out ------------------------------------------------------------------------------------------

    def _ask(self, gateway: gw.Gateway, step: Step) -> Any:
        common: dict[str, Any] = {"purpose": step.why, "region": step.where}
        what = (step.dataset, step.disclosure)
        filters = [(one.field, one.op, one.value) for one in step.filters]
        match step.verb:
            case "describe":
                return gateway.describe(purpose=step.why, dataset=step.dataset)
            case "budget":
                return gateway.budget(*what, **common)
            case "push":
                return self.pushes.push(gateway, step)
            case "indicator":
                return gateway.read_indicator(*what, **common)
        common |= {"case_number": step.case_number, "break_glass_reason": step.break_glass_reason}
        match step.verb:
            case "extract":
                extract = gateway.extract(
                    *what, fields=step.fields, filters=filters, allow_partial=step.partial, encoding=step.encoding,
                    **common,
                )  # fmt: skip
                return extract.read_all(), extract
            case "lookup":
                values, tokens = self._subjects(step)
                return gateway.lookup(
                    *what, by=step.by, values=values, tokens=tokens, fields=step.fields, allow_partial=step.partial,
                    **common,
                )  # fmt: skip
            case "link":
                return self.offices.warrants.link(gateway, step, self._people(step))
            case "reidentify":
                return self.offices.warrants.open(gateway, step, self._people(step))
            case "compose":
                return gateway.compose(step.asks.partition(" ")[2], self._form(step), **common)
            case "check" | "consume" as verb:
                values, tokens = self._subjects(step)
                call = gateway.check if verb == "check" else gateway.consume
                return call(*what, by=step.by, value=values[0] if values else None, token="".join(tokens), **common)
        statistics = [questions.statistic(written) for written in step.statistics]
        groupings = [questions.grouping(written) for written in step.group_by]
        price = {"rho": step.rho} if step.rho else {"epsilon": step.epsilon}
        common |= {"group_by": groupings, "filters": filters, **price}
        if step.verb == "estimate":
            return gateway.estimate(*what, statistics, **common)
        return gateway.release(*what, statistics, shown=gw.Shown(top=step.top), **common)

    def _people(self, step: Step) -> list[str]:
        return sorted(self.people[step.people].tokens.by_name)

    def _form(self, step: Step) -> dict[str, gw.Subjects]:
        asked: dict[str, gw.Subjects] = {}
        for name, part in step.parts.items():
            values, tokens = self._subjects(step.of_part(name))
            asked[name] = gw.Subjects(part.by, values, tokens)
        return asked

    def _subjects(self, step: Step) -> tuple[list[str], list[str]]:
        values: list[str] = []
        tokens: list[str] = []
        for subject in step.subjects:
            if subject.token is not None:
                tokens.append(self._token(subject.token, subject.also_in))
            else:
                values.append(self._name(subject, step.by))
        return values, tokens

    def _name(self, subject: Subject, by: str) -> str:
        if subject.canary is None:
            return subject.value or ""
        name: str = getattr(self._canary(subject.canary), by)
        return name

    def _canary(self, number: int) -> Canary:
        return next(canary for canary in self.canaries if canary.number == number)

    def _token(self, name: str, also_in: str | None) -> str:
        """A remembered token; the one that stands for the fewest people, as far as the rows tell."""
        remembered = self.people[name]
        shapes = Counter(frozenset(group.items()) for group in remembered.raw.by_name.values())
        tokens = set(remembered.tokens.by_name)
        if also_in is not None:
            tokens &= set(self.people[also_in].tokens.by_name)
        return min(tokens, key=lambda token: (shapes[frozenset(remembered.tokens.by_name[token].items())], token))

    def _gets(self, gateway: gw.Gateway, step: Step, gets: Gets) -> None:
        if step.verb == "health":
            assert serving(self.site, step.who) is gets.serving
            return
        if step.verb == "rehearse":
            assert gets.made_up is not None
            rehearsed(self.site, self.data, step.dataset, gets.made_up)
            return
        if step.at_once > 1:
            with ThreadPoolExecutor(step.at_once) as pool:
                self._consumed(list(pool.map(lambda _: self._ask(gateway, step), range(step.at_once))), step, gets)
            return
        answer = self._ask(gateway, step)
        if gets.promised_hours is not None:
            self._fresh(answer[1] if step.verb == "extract" else answer, step, gets.promised_hours)
        match step.verb:
            case "push":
                self.pushes.kept(answer, step, gets)
            case "indicator":
                exact_or_withheld(answer, self.data, step, gets)
            case "describe":
                self._described(answer, step, gets)
            case "budget":
                assert [budget.account for budget in answer] == gets.accounts
            case "extract":
                self._extracted(answer[0], answer[1].receipt, step, gets)
            case "lookup":
                self._looked_up(answer, step, gets)
            case "check":
                self._checked(answer, step, gets)
            case "compose":
                self._composed(answer, step, gets)
            case "link":
                self._receipt(answer.receipt, step, gets)
                self.offices.warrants.met(answer, gets, set(self.people[step.people].raw.by_name))
            case "reidentify":
                assert (answer is not None) is gets.opened
                if answer is not None:
                    self.offices.warrants.told(answer, step)
            case "consume":
                self._consumed([answer], step, gets)
            case "estimate":
                assert answer.cells == gets.cells
                assert answer.affordable and not answer.already_released
                assert all(detail.margin_95 > 0 for detail in answer.measures)
            case "release":
                self._released(answer, step, gets)

    def _described(self, offers: Any, step: Step, gets: Gets) -> None:
        (offer,) = (offer for offer in offers if offer.disclosure == step.disclosure)
        assert {one.field: one.detail for one in offer.fields} == gets.fields
        assert list(offer.regions) == gets.regions
        assert offer.purpose == step.why

    @staticmethod
    def _fresh(answer: Any, step: Step, promised: int) -> None:
        """The data is of this hour, or, beside statistics, of this day of the city; and no staler than is promised."""
        told = answer.freshness[0] if step.verb == "release" else answer.freshness
        assert (told.dataset, told.promised_hours, told.stale) == (step.dataset, promised, False)
        age = datetime.now(UTC) - told.as_of
        assert timedelta() <= age <= timedelta(hours=26 if step.verb == "release" else 2)

    def _receipt(self, receipt: Any, step: Step, gets: Gets) -> None:
        gw.verify_receipt(receipt)
        assert (receipt.institution, receipt.person) == (step.who, step.person)
        assert (receipt.purpose, receipt.dataset, receipt.disclosure) == (step.why, step.dataset, step.disclosure)
        assert receipt.grant
        assert bool(receipt.emergency) is gets.emergency
        assert {one.field: one.detail for one in receipt.fields} == (gets.fields or {})
        assert [one.field for one in receipt.withheld] == gets.withheld
        assert leaks(self.canaries, str(receipt), ()) == []

    def _extracted(self, table: pa.Table, receipt: Any, step: Step, gets: Gets) -> None:
        fields = gets.fields or {}
        self._receipt(receipt, step, gets)
        assert table.schema.names == list(fields)
        came = table.to_pylist()
        raw = rows_of(self.data, step.dataset, step.where, gets.consent, [*step.filters, *gets.rows])
        if gets.consented is not None:
            agreed = {self._canary(number).resident_id for number in gets.consented}
            raw = [row for row in raw if row["resident_id"] in agreed]
        assert raw, "the scenario asks for a part of the city where nothing is"
        assert receipt.rows == len(came) == len(raw)
        assert plain(came, fields, raw=False) == plain(raw, fields, raw=True)
        assert leaks(self.canaries, str(came), _kept(fields)) == []
        tokens, ids = grouped(came, fields, raw=False), grouped(raw, fields, raw=True)
        if tokens is None or ids is None:
            return
        assert tokens.shape() == ids.shape()
        assert not set(tokens.by_name) & set(ids.by_name)
        if gets.joins is not None:
            assert set(tokens.by_name) & set(self.people[gets.joins].tokens.by_name)
        if gets.within is not None:
            assert set(tokens.by_name) <= set(self.people[gets.within].tokens.by_name)
        if gets.apart_from is not None:
            assert not set(tokens.by_name) & set(self.people[gets.apart_from].tokens.by_name)
        if gets.remember is not None:
            self.people[gets.remember] = Remembered(tokens, ids)

    def _looked_up(self, answer: gw.Lookup, step: Step, gets: Gets) -> None:
        fields = gets.fields or {}
        self._receipt(answer.receipt, step, gets)
        assert answer.schema.names == list(fields)
        came = [plain(subject.to_pylist(), fields, raw=False) for subject in answer.subjects]
        assert [bool(rows) for rows in came] == gets.found
        raw = rows_of(self.data, step.dataset, step.where, gets.consent, ())
        for rows, subject in zip(came, step.subjects, strict=True):
            if subject.token is None:
                assert rows == self._of(raw, step.by, self._name(subject, step.by), fields)
            elif rows:
                token = self._token(subject.token, subject.also_in)
                people = self.people[subject.token].candidates(token)
                assert any(rows == self._of(raw, step.by, name, fields) for name in people)
        text = str([subject.to_pylist() for subject in answer.subjects])
        assert leaks(self.canaries, text, _kept(fields)) == []

    @staticmethod
    def _of(raw: Sequence[Mapping[str, Any]], by: str, name: str, fields: Mapping[str, str]) -> Counter[Plain]:
        return plain([row for row in raw if row[by] == name], fields, raw=True)

    def _checked(self, answer: gw.Check, step: Step, gets: Gets) -> None:
        fields = gets.fields or {}
        self._receipt(answer.receipt, step, gets)
        assert answer.holds is gets.holds
        assert set(answer.answer) == set(fields)
        (name,), _ = self._subjects(step)
        told = [row for row in rows_of(self.data, step.dataset, step.where, None, ()) if row[step.by] == name]
        for named, value in answer.answer.items():
            assert value is None if not answer.holds else value in [treated(row[named], fields[named]) for row in told]
        assert leaks(self.canaries, str(answer.answer), ()) == []

    def _composed(self, answer: gw.Composition, step: Step, gets: Gets) -> None:
        assert list(answer.parts) == list(step.parts) == list(gets.parts)
        for name, part in gets.parts.items():
            if isinstance(told := answer.parts[name], gw.Lookup):
                self._looked_up(told, step.of_part(name), part)
            else:
                self._checked(told, step.of_part(name), part)

    def _consumed(self, answers: Sequence[gw.Consumption], step: Step, gets: Gets) -> None:
        for answer in answers:
            self._receipt(answer.receipt, step, gets)
            assert set(answer.answer) == set(gets.fields or {})
            assert leaks(self.canaries, str(answer.answer), ()) == []
        taken = sorted(answer.left for answer in answers if answer.taken)
        assert len(taken) == gets.taken
        # however many ask at once, each is told another number: what was left after its own
        assert taken == list(range(gets.left or 0, (gets.left or 0) + len(taken)))
        assert all(answer.left == 0 for answer in answers if not answer.taken)

    def _released(self, answer: gw.Release, step: Step, gets: Gets) -> None:
        self._receipt(answer.receipt, step, gets)
        table = answer.to_arrow()
        assert answer.charged is gets.charged
        assert table.num_rows == gets.cells
        if step.group_by:
            keys = questions.fields_of(step.group_by)
            assert len(set(zip(*(table[key].to_pylist() for key in keys), strict=True))) == gets.cells
        assert all(estimate.margin_95 > 0 for cell in answer.message.cells for estimate in cell.estimates)
        assert answer.receipt.privacy_loss.rho
        if gets.same_as is not None:
            assert answer.message == self.releases[gets.same_as].message
        if gets.remember is not None:
            self.releases[gets.remember] = answer
        assert leaks(self.canaries, str(answer.message), ()) == []

    # --- edits ---------------------------------------------------------------------------------------------------

    def _edit(self, edit: Edit, accepted: bool) -> None:
        path = self.site.policies / edit.file
        before = path.read_text("utf-8")
        after = before.replace(edit.replace, edit.with_)
        assert after != before, "the scenario edits what is not there"
        path.write_text(after, "utf-8")
        heard = self._heard()
        self.site.reload()
        deadline = time.monotonic() + _RELOAD_SECONDS
        while (now := self._heard()) == heard:
            assert time.monotonic() < deadline, "the gateway did not read its policy anew"
            time.sleep(0.02)
        assert now - heard == Counter({accepted: 1})
        assert self.site.alive()

    def _heard(self) -> Counter[bool]:
        """How often the gateway said that a policy came into force (True) or was refused (False)."""
        log = self.site.log.read_text("utf-8")
        return Counter({True: log.count(" is in force"), False: log.count(" stays in force")})


_OF_CANARIES = {"owner_id": "resident_id", "owner_name": "name", "patient_id": "resident_id",
                "patient_condition": "diagnosis"}  # fmt: skip
"""Fields of tables that hold a canary's value under another name."""


def _kept(fields: Mapping[str, str]) -> set[str]:
    return {_OF_CANARIES.get(name, name) for name, how in fields.items() if how == "keep"}
