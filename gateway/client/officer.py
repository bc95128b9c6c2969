"""The connection of an officer, or of a register's keeper, and its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Literal, Protocol, TypeVar

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.api.v1 import (
    case_service_pb2,
    case_service_pb2_grpc,
    consent_service_pb2,
    consent_service_pb2_grpc,
    oversight_service_pb2,
    oversight_service_pb2_grpc,
    policy_pb2,
    policy_service_pb2,
    policy_service_pb2_grpc,
    policy_study_pb2,
)
from gateway.client.calls import Caller, Token
from gateway.client.errors import from_call
from gateway.client.office import Warrants
from gateway.client.policies import (
    Certificate,
    PolicySummary,
    Proposal,
    Publication,
    Snapshot,
    SnapshotMismatch,
    approval_text,
    certificate_from,
    folder_digest,
    invalid_from,
    proposal_from,
    publication_from,
    summary_from,
)
from gateway.client.registers import (
    Case,
    Consent,
    Emergency,
    NewConsent,
    Report,
    case_from,
    consent_from,
    emergency_from,
    entry_to,
    report_from,
)
from gateway.client.times import day_to, stamp
from gateway.client.tls import Pem, Pems, read_pems


class _Judged(Protocol):
    """What answers an upload: the policy's problems, or what the method is for."""

    @property
    def problems(self) -> policy_pb2.PolicyProblems: ...
    def HasField(self, field_name: Literal["problems"]) -> bool: ...


Judgement = TypeVar("Judgement", bound=_Judged)
Request = TypeVar("Request")

_PIECE_BYTES = 192 << 10
_VERDICTS = {
    "justified": oversight_service_pb2.VERDICT_JUSTIFIED,
    "unjustified": oversight_service_pb2.VERDICT_UNJUSTIFIED,
}


def connect_officer(
    address: str,
    *,
    certificate: Pem,
    key: Pem,
    ca: Pem,
    token: Token,
    timeout: float = 60.0,
    language: Literal["en", "zh"] = "en",
) -> Officer:
    """Return an officer's connection to the gateway at host:port; see `connect`, which takes the same.

    Raises:
        CertificateExpired: your certificate does not hold today.
    """
    pems = read_pems(certificate, key, ca)
    return Officer(address, pems, Caller(address, pems, token, language, timeout))


class Officer(Warrants):
    """A gateway as an officer or a register's keeper sees it. Safe to use from several threads.

    Every method raises a GatewayError, typed by what went wrong. A policy is a mapping from the paths of its files ("/"
    between the parts) to their contents.
    """

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._policy = policy_service_pb2_grpc.PolicyServiceStub(self._channel)
        self._consents = consent_service_pb2_grpc.ConsentServiceStub(self._channel)
        self._cases = case_service_pb2_grpc.CaseServiceStub(self._channel)
        self._oversight = oversight_service_pb2_grpc.OversightServiceStub(self._channel)

    # --- the policy ---

    def snapshot(self, digest: str = "") -> Snapshot:
        """The files of a policy that was proposed or in force, held against their digest; "" for the one in force.

        Raises:
            SnapshotMismatch: they are not what the digest says.
        """
        request = policy_service_pb2.GetSnapshotRequest(digest=digest)
        header = policy_service_pb2.SnapshotHeader()
        pieces: dict[str, list[bytes]] = {}
        try:
            parts = self._policy.GetSnapshot(request, timeout=self._caller.timeout, metadata=self._caller.metadata())
            for part in parts:
                if part.HasField("header"):
                    header = part.header
                else:
                    pieces.setdefault(part.file.name, []).append(part.file.content)
        except grpc.RpcError as error:
            raise self._caller.explain(from_call(error)) from error
        files = {name: b"".join(content) for name, content in pieces.items()}
        if header.digest != (digest or header.digest) or header.digest != folder_digest(files):
            raise SnapshotMismatch
        return Snapshot(header.digest, files)

    def check(self, policy: Mapping[str, bytes] | None = None, *, digest: str = "") -> PolicySummary:
        """Check a policy as the gateway would read it: the files given, or the one of a digest, or the one in force.

        Raises:
            PolicyInvalid: with every mistake.
        """
        answer = self._studied(self._policy.CheckPolicy, policy_service_pb2.CheckPolicyRequest, policy, digest)
        return summary_from(answer.sound)

    def test(self, policy: Mapping[str, bytes] | None = None, *, digest: str = "") -> policy_service_pb2.TestedCases:
        """Run the decision tables of a policy, named as for `check`; the cases that fail are told.

        Raises:
            PolicyInvalid: with every mistake.
        """
        return self._studied(self._policy.TestPolicy, policy_service_pb2.TestPolicyRequest, policy, digest).tested

    def lint(
        self, policy: Mapping[str, bytes] | None = None, *, digest: str = ""
    ) -> Sequence[policy_study_pb2.PolicyFinding]:
        """Look for what is valid and unwise in a policy, named as for `check`; grants' use of late is known.

        Raises:
            PolicyInvalid: with every mistake.
        """
        answer = self._studied(self._policy.LintPolicy, policy_service_pb2.LintPolicyRequest, policy, digest)
        return answer.findings.findings

    def diff(self, policy: Mapping[str, bytes] | None = None, *, digest: str = "") -> policy_study_pb2.PolicyDiff:
        """Compare a policy, named as for `check`, with the one in force, by what each gives.

        Raises:
            PolicyInvalid: with every mistake.
        """
        return self._studied(self._policy.DiffPolicy, policy_service_pb2.DiffPolicyRequest, policy, digest).diff

    def impact(
        self, policy: Mapping[str, bytes] | None = None, *, digest: str = "", decisions: int = 10_000
    ) -> policy_study_pb2.Impact:
        """What a policy, named as for `check`, would have meant for the newest decisions, at most 100,000.

        Raises:
            PolicyInvalid: with every mistake.
        """
        chosen = _selected(policy, digest)
        header = policy_service_pb2.ImpactHeader(digest=chosen.digest, uploaded=chosen.uploaded, decisions=decisions)
        messages = _messages(policy_service_pb2.MeasureImpactRequest, header, policy or {})
        return self._uploaded(self._policy.MeasureImpact, messages).impact

    def explain(self, request: policy_service_pb2.ExplainRequest) -> policy_service_pb2.ExplainResponse:
        """Why a request passes or not, without making it. Everybody may ask of their own; officers of any."""
        return self._caller.retried(self._policy.Explain, request)

    def propose(self, policy: Mapping[str, bytes], note: str, *, emergency: bool = False) -> Proposal:
        """Enter a policy that is to replace the one in force. Nothing changes by it yet.

        `emergency` asks to publish it without a second officer and without the cool-down; it is reviewed afterwards.

        Raises:
            PolicyInvalid: with every mistake; it was not entered.
        """
        header = policy_service_pb2.ProposalHeader(note=note, emergency=emergency, digest=folder_digest(policy))
        messages = _messages(policy_service_pb2.ProposePolicyRequest, header, policy)
        return proposal_from(self._uploaded(self._policy.ProposePolicy, messages).proposal)

    def approve(self, proposal: Proposal, key: Ed25519PrivateKey) -> Proposal:
        """Sign the proposal that you have looked at, with the key whose public part the policy has for you.

        What is signed is the step from one policy to another, by their digests: look at `snapshot` of both.
        """
        request = policy_service_pb2.ApproveProposalRequest(
            proposal_id=proposal.id, signature=key.sign(approval_text(proposal))
        )
        return proposal_from(self._caller.retried(self._policy.ApproveProposal, request).proposal)

    def publish(self, proposal_id: str) -> Publication:
        """Put a proposal into force."""
        request = policy_service_pb2.PublishProposalRequest(proposal_id=proposal_id)
        return publication_from(self._caller.once(self._policy.PublishProposal, request).publication)

    def roll_back(self, digest: str, note: str) -> Publication:
        """Put a policy that was in force before back into force, at once. Another officer reviews it."""
        request = policy_service_pb2.RollBackRequest(digest=digest, note=note)
        return publication_from(self._caller.once(self._policy.RollBack, request).publication)

    def review(self, number: int) -> Publication:
        """Enter that you have looked at a publication that came into force without a second officer."""
        request = policy_service_pb2.ReviewPublicationRequest(number=number)
        return publication_from(self._caller.once(self._policy.ReviewPublication, request).publication)

    def publications(self, count: int = 100) -> tuple[Publication, ...]:
        """How policies came into force, the newest first."""
        request = policy_service_pb2.ListPublicationsRequest(count=count)
        return tuple(map(publication_from, self._caller.retried(self._policy.ListPublications, request).publications))

    def proposals(self, count: int = 100) -> tuple[Proposal, ...]:
        """What was proposed, the newest first."""
        request = policy_service_pb2.ListProposalsRequest(count=count)
        return tuple(map(proposal_from, self._caller.retried(self._policy.ListProposals, request).proposals))

    def proposal(self, proposal_id: str) -> Proposal:
        """One proposal."""
        request = policy_service_pb2.GetProposalRequest(proposal_id=proposal_id)
        return proposal_from(self._caller.retried(self._policy.GetProposal, request).proposal)

    def certificates(self, purpose: str = "") -> tuple[Certificate, ...]:
        """The certificates of a purpose that ended; of every purpose for ""."""
        request = policy_service_pb2.ListCertificatesRequest(purpose=purpose)
        return tuple(map(certificate_from, self._caller.retried(self._policy.ListCertificates, request).certificates))

    # --- registers ---

    def record_consents(self, register: str, consents: Sequence[NewConsent]) -> tuple[Consent, ...]:
        """Enter consents, at most 100, all or none. Entries keep their ids, so a retry enters none twice."""
        request = consent_service_pb2.RecordConsentsRequest(register=register, consents=map(entry_to, consents))
        return tuple(map(consent_from, self._caller.retried(self._consents.RecordConsents, request).consents))

    def withdraw_consent(self, register: str, consent_id: str) -> Consent:
        """Withdraw a consent: its subject is in nothing that is read a second later."""
        request = consent_service_pb2.WithdrawConsentRequest(register=register, consent_id=consent_id)
        return consent_from(self._caller.retried(self._consents.WithdrawConsent, request).consent)

    def consents(self, register: str, subject: str) -> tuple[Consent, ...]:
        """All that a subject agreed to, the oldest first; withdrawn consents too."""
        request = consent_service_pb2.ListConsentsRequest(register=register, subject=subject)
        return tuple(map(consent_from, self._caller.retried(self._consents.ListConsents, request).consents))

    def open_case(self, register: str, number: str, institution: str, ends_on: date | None = None) -> Case:
        """Open a case for an institution, until it is closed or until the end of a day."""
        request = case_service_pb2.OpenCaseRequest(
            register=register,
            number=number,
            institution=institution,
            ends_on=day_to(ends_on),
        )
        return case_from(self._caller.once(self._cases.OpenCase, request).case)

    def close_case(self, register: str, number: str, institution: str) -> None:
        """Close a case: what it opened is shut from now on."""
        request = case_service_pb2.CloseCaseRequest(register=register, number=number, institution=institution)
        self._caller.once(self._cases.CloseCase, request)

    # --- oversight ---

    def emergencies(self) -> tuple[Emergency, ...]:
        """The broken glasses that wait for a review, the oldest first."""
        request = oversight_service_pb2.ListEmergenciesRequest()
        return tuple(map(emergency_from, self._caller.retried(self._oversight.ListEmergencies, request).emergencies))

    def review_emergency(self, emergency_id: str, verdict: Literal["justified", "unjustified"]) -> Emergency:
        """Enter your review of somebody else's broken glass."""
        request = oversight_service_pb2.ReviewEmergencyRequest(emergency_id=emergency_id, verdict=_VERDICTS[verdict])
        return emergency_from(self._caller.once(self._oversight.ReviewEmergency, request).emergency)

    def report(self, institution: str, start: datetime, end: datetime) -> Report:
        """What an institution did with data from `start` to before `end` (aware), at most 366 days later."""
        request = oversight_service_pb2.GetReportRequest(institution=institution, start=stamp(start), end=stamp(end))
        return report_from(self._caller.retried(self._oversight.GetReport, request).report)

    def _studied(
        self,
        method: grpc.StreamUnaryMultiCallable[Request, Judgement],
        kind: Callable[..., Request],
        policy: Mapping[str, bytes] | None,
        digest: str,
    ) -> Judgement:
        """Have a policy looked at: the files given, or the one of a digest, or the one in force."""
        return self._uploaded(method, _messages(kind, _selected(policy, digest), policy or {}))

    def _uploaded(
        self, method: grpc.StreamUnaryMultiCallable[Request, Judgement], messages: Iterable[Request]
    ) -> Judgement:
        """Send an upload, and return the judgement of a policy that has no mistakes."""
        try:
            answer: Judgement = method(iter(messages), timeout=self._caller.timeout, metadata=self._caller.metadata())
        except grpc.RpcError as error:
            raise self._caller.explain(from_call(error)) from error
        if answer.HasField("problems"):
            raise invalid_from(answer.problems)
        return answer


def _selected(policy: Mapping[str, bytes] | None, digest: str) -> policy_pb2.PolicySelector:
    sent = policy is not None
    return policy_pb2.PolicySelector(digest=folder_digest(policy) if policy is not None else digest, uploaded=sent)


def _messages(kind: Callable[..., Request], header: object, files: Mapping[str, bytes]) -> Iterator[Request]:
    """Yield the messages of an upload: its header, then the files piece by piece."""
    yield kind(header=header)
    for name, content in sorted(files.items()):
        for begin in range(0, len(content) or 1, _PIECE_BYTES):
            yield kind(file=policy_pb2.FilePart(name=name, content=content[begin : begin + _PIECE_BYTES]))
