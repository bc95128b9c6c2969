"""PolicyService: officers bring a policy into force, and look at what was."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from google.protobuf.message import Message

from gateway.administration import life, study
from gateway.administration.desk import Office, officer
from gateway.api.v1 import policy_service_pb2 as pb
from gateway.model.governance import Power
from gateway.model.party import Peer
from gateway.model.permit import Refusal
from gateway.server.method import Method, Opened, Reply
from gateway.server.outcome import answered, judged
from gateway.server.policy_studies import PolicyStudies
from gateway.server.problem import Problem, told
from gateway.server.wire.policy import (
    certificate_of,
    parts_of,
    proposal_of,
    publication_of,
    uploaded,
)

_DEFAULT_COUNT = 100


class Policy:
    """The handlers of PolicyService."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.methods = {
            **PolicyStudies(office, partial(self._may_send, ())).methods,
            "GetSnapshot": Method(self.get_snapshot, streams=True),
            "ProposePolicy": Method(self.propose, uploads=partial(self._may_send, (Power.PROPOSE,))),
            "ApproveProposal": Method(self.approve),
            "PublishProposal": Method(self.publish),
            "RollBack": Method(self.roll_back),
            "ReviewPublication": Method(self.review),
            "ListPublications": Method(self.publications),
            "ListProposals": Method(self.proposals),
            "GetProposal": Method(self.proposal),
            "ListCertificates": Method(self.certificates),
        }

    def get_snapshot(self, peer: Peer, request: pb.GetSnapshotRequest) -> Opened | Problem:
        """The files of a policy."""
        found = study.kept(self._office, peer, request.digest)
        return told(found) if isinstance(found, Refusal) else Opened(parts_of(found), _nothing_to_close)

    def propose(self, peer: Peer, messages: Iterator[Message]) -> Reply | Problem:
        """Enter a policy that is to replace the one in force."""
        header, files = uploaded(messages)
        found = life.propose(self._office, peer, files, header.note, emergency=header.emergency)
        return judged(found, pb.ProposePolicyResponse, lambda one: pb.ProposePolicyResponse(proposal=proposal_of(one)))

    def approve(self, peer: Peer, request: pb.ApproveProposalRequest) -> Reply | Problem:
        """Add an officer's signature."""
        found = life.approve(self._office, peer, request.proposal_id, request.signature)
        return answered(found, lambda one: pb.ApproveProposalResponse(proposal=proposal_of(one)))

    def publish(self, peer: Peer, request: pb.PublishProposalRequest) -> Reply | Problem:
        """Put a proposal into force."""
        found = life.publish(self._office, peer, request.proposal_id)
        return answered(found, lambda one: pb.PublishProposalResponse(publication=publication_of(one)))

    def roll_back(self, peer: Peer, request: pb.RollBackRequest) -> Reply | Problem:
        """Put an earlier policy back into force."""
        found = life.rollback(self._office, peer, request.digest, request.note)
        return answered(found, lambda one: pb.RollBackResponse(publication=publication_of(one)))

    def review(self, peer: Peer, request: pb.ReviewPublicationRequest) -> Reply | Problem:
        """Enter the review of a publication."""
        found = life.review(self._office, peer, request.number)
        return answered(found, lambda one: pb.ReviewPublicationResponse(publication=publication_of(one)))

    def publications(self, peer: Peer, request: pb.ListPublicationsRequest) -> Reply | Problem:
        """How policies came into force."""
        found = study.history(self._office, peer, request.count or _DEFAULT_COUNT)
        return answered(found, lambda some: pb.ListPublicationsResponse(publications=map(publication_of, some)))

    def proposals(self, peer: Peer, request: pb.ListProposalsRequest) -> Reply | Problem:
        """What was proposed."""
        found = study.proposals(self._office, peer, request.count or _DEFAULT_COUNT)
        return answered(found, lambda some: pb.ListProposalsResponse(proposals=map(proposal_of, some)))

    def proposal(self, peer: Peer, request: pb.GetProposalRequest) -> Reply | Problem:
        """One proposal."""
        found = study.proposal(self._office, peer, request.proposal_id)
        return answered(found, lambda one: pb.GetProposalResponse(proposal=proposal_of(one)))

    def certificates(self, peer: Peer, request: pb.ListCertificatesRequest) -> Reply:
        """The certificates of purposes that ended."""
        found = study.certificates(self._office, peer, request.purpose)
        return Reply(pb.ListCertificatesResponse(certificates=map(certificate_of, found)))

    def _may_send(self, powers: tuple[Power, ...], peer: Peer) -> Problem | None:
        found = officer(self._office, peer, *powers)
        return told(found) if isinstance(found, Refusal) else None


def _nothing_to_close() -> None:
    """A snapshot is in memory already."""
