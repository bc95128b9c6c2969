"""Meters, registers, the policy archive and certificates; and when each entry of the audit log was decided."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CHUNK = 1000


def upgrade() -> None:
    """Make the tables, and tell the time of the decisions that are in the log."""
    _make_tables()
    op.add_column("audit_entries", sa.Column("decided_at", sa.BigInteger))
    _tell_times(op.get_bind())
    op.create_index("ix_audit_entries_decided_at", "audit_entries", ["decided_at", "entry_index"])


def _tell_times(connection: sa.Connection) -> None:
    entries = sa.table(
        "audit_entries",
        sa.column("entry_index", sa.BigInteger),
        sa.column("record", sa.LargeBinary),
        sa.column("decided_at", sa.BigInteger),
    )
    page = sa.select(entries.c.entry_index, entries.c.record).order_by(entries.c.entry_index).limit(_CHUNK)
    rows = connection.execute(page).all()
    while rows:
        times = [
            {"entry": index, "time": _decided_at(record)}
            for index, record in rows
            if record is not None and "completes" not in json.loads(record)
        ]
        if times:
            change = sa.update(entries).where(entries.c.entry_index == sa.bindparam("entry"))
            connection.execute(change.values(decided_at=sa.bindparam("time")), times)
        rows = connection.execute(page.where(entries.c.entry_index > rows[-1][0])).all()


def _decided_at(record: bytes) -> int:
    at = datetime.fromisoformat(json.loads(record)["at"].removesuffix("Z"))
    return (at - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def _make_tables() -> None:
    index = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "meter_accounts",
        sa.Column("account", sa.LargeBinary(64), nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("ends_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_meter_accounts"),
    )
    op.create_index("ix_meter_accounts_ends_at", "meter_accounts", ["ends_at"])
    op.create_table(
        "meter_marks",
        sa.Column("account", sa.LargeBinary(64), nullable=False),
        sa.Column("mark", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("account", "mark", name="pk_meter_marks"),
        sa.ForeignKeyConstraint(["account"], ["meter_accounts.account"], name="fk_meter_marks_account_meter_accounts"),
    )
    op.create_table(
        "consent_registers",
        sa.Column("register", sa.String(512), nullable=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("register", name="pk_consent_registers"),
    )
    op.create_table(
        "consents",
        sa.Column("register", sa.String(512), nullable=False),
        sa.Column("consent_id", sa.String(512), nullable=False),
        sa.Column("subject", sa.LargeBinary(16), nullable=False),
        sa.Column("purpose", sa.String(512), nullable=False),
        sa.Column("recipient", sa.String(512), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("proof", sa.LargeBinary(32), nullable=False),
        sa.Column("given_at", sa.DateTime, nullable=False),
        sa.Column("ends_on", sa.Date),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("withdrawn_at", sa.DateTime),
        sa.Column("withdrawn_by", sa.Text, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.Column("first_day", sa.Integer, nullable=False),
        sa.Column("last_day", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("register", "consent_id", name="pk_consents"),
        sa.ForeignKeyConstraint(
            ["register"], ["consent_registers.register"], name="fk_consents_register_consent_registers"
        ),
    )
    op.create_index("ix_consents_change", "consents", ["register", "purpose", "change"])
    op.create_index("ix_consents_subject", "consents", ["register", "subject"])
    op.create_table(
        "cases",
        sa.Column("register", sa.String(512), nullable=False),
        sa.Column("number", sa.String(512), nullable=False),
        sa.Column("institution", sa.String(512), nullable=False),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.Column("ends_on", sa.Date),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("closed_at", sa.DateTime),
        sa.PrimaryKeyConstraint("register", "number", "institution", name="pk_cases"),
    )
    op.create_table(
        "emergencies",
        sa.Column("emergency_id", sa.String(128), nullable=False),
        sa.Column("grant_name", sa.String(512), nullable=False),
        sa.Column("institution", sa.String(512), nullable=False),
        sa.Column("person", sa.String(512), nullable=False),
        sa.Column("purpose", sa.String(512), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.Column("ends_at", sa.DateTime, nullable=False),
        sa.Column("review_due", sa.DateTime, nullable=False),
        sa.Column("reviewed_by", sa.Text, nullable=False),
        sa.Column("reviewed_at", sa.DateTime),
        sa.Column("verdict", sa.String(32)),
        sa.PrimaryKeyConstraint("emergency_id", name="pk_emergencies"),
    )
    op.create_index("ix_emergencies_opened_at", "emergencies", ["opened_at"])
    op.create_index("ix_emergencies_person", "emergencies", ["institution", "person", "ends_at"])
    op.create_table(
        "policies",
        sa.Column("digest", sa.String(128), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("content_hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_policies"),
    )
    op.create_table(
        "policy_proposals",
        sa.Column("number", index, autoincrement=False, nullable=False),
        sa.Column("proposal_id", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(128), nullable=False),
        sa.Column("base", sa.String(128), nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("proposed_at", sa.DateTime, nullable=False),
        sa.Column("emergency", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_policy_proposals"),
        sa.UniqueConstraint("proposal_id", name="uq_policy_proposals_proposal_id"),
        sa.ForeignKeyConstraint(["digest"], ["policies.digest"], name="fk_policy_proposals_digest_policies"),
    )
    op.create_table(
        "policy_proposal_approvals",
        sa.Column("number", index, autoincrement=False, nullable=False),
        sa.Column("officer", sa.String(512), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("approved_at", sa.DateTime, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", "officer", name="pk_policy_proposal_approvals"),
        sa.ForeignKeyConstraint(
            ["number"], ["policy_proposals.number"], name="fk_policy_proposal_approvals_number_policy_proposals"
        ),
    )
    op.create_table(
        "policy_publications",
        sa.Column("number", index, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(128), nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("published_by", sa.Text, nullable=False),
        sa.Column("published_at", sa.DateTime, nullable=False),
        sa.Column("proposal_id", sa.String(128), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("review_due", sa.DateTime),
        sa.Column("reviewed_by", sa.Text, nullable=False),
        sa.Column("reviewed_at", sa.DateTime),
        sa.PrimaryKeyConstraint("number", name="pk_policy_publications"),
        sa.ForeignKeyConstraint(["digest"], ["policies.digest"], name="fk_policy_publications_digest_policies"),
    )
    op.create_table(
        "policy_publication_approvals",
        sa.Column("number", index, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("officer", sa.Text, nullable=False),
        sa.Column("approved_at", sa.DateTime, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", "position", name="pk_policy_publication_approvals"),
        sa.ForeignKeyConstraint(
            ["number"],
            ["policy_publications.number"],
            name="fk_policy_publication_approvals_number_policy_publications",
        ),
    )
    op.create_table(
        "sunset_certificates",
        sa.Column("number", index, autoincrement=False, nullable=False),
        sa.Column("purpose", sa.String(512), nullable=False),
        sa.Column("ended_on", sa.Date, nullable=False),
        sa.Column("destroyed_at", sa.DateTime, nullable=False),
        sa.Column("recipients", sa.Text, nullable=False),
        sa.Column("policy_digest", sa.String(128), nullable=False),
        sa.Column("audit_index", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sunset_certificates"),
    )
    op.create_index("ix_sunset_certificates_purpose", "sunset_certificates", ["purpose"])
