"""The tables of the state. Portable types alone, so that PostgreSQL can hold them as well.

Exact rationals are two decimal texts, since no database type holds integers of any size. Instants are naive
UTC. The migrations make these tables; a test holds the two equal.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

REVISION = "0012"
"""The migration that makes this schema; a test holds it against the newest one."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)

# SQLite keeps a table in the order of an INTEGER primary key, and of no other type's.
_index = BigInteger().with_variant(Integer(), "sqlite")

accounts = Table(
    "budget_accounts",
    metadata,
    Column("account_id", String(512), primary_key=True),
    Column("spent_numerator", Text, nullable=False),
    Column("spent_denominator", Text, nullable=False),
    Column("spent_delta_numerator", Text, nullable=False, server_default="0"),
    Column("spent_delta_denominator", Text, nullable=False, server_default="1"),
)

charges = Table(
    "budget_charges",
    metadata,
    Column("release_id", String(128), primary_key=True),
    Column("rho_numerator", Text, nullable=False),
    Column("rho_denominator", Text, nullable=False),
    Column("delta_numerator", Text, nullable=False, server_default="0"),
    Column("delta_denominator", Text, nullable=False, server_default="1"),
    Column("charged_at", DateTime, nullable=False),
)

charged_accounts = Table(
    "budget_charged_accounts",
    metadata,
    Column("release_id", ForeignKey("budget_charges.release_id"), primary_key=True),
    Column("account_id", ForeignKey("budget_accounts.account_id"), primary_key=True),
)

releases = Table(
    "releases",
    metadata,
    Column("release_id", ForeignKey("budget_charges.release_id"), primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("stored_at", DateTime, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("caller_digest", LargeBinary(32), primary_key=True),
    Column("body_digest", LargeBinary, nullable=False),
    Column("bound_at", DateTime, nullable=False),
)

# Pruning deletes salt, record and decided_at together and keeps the hash. decided_at is in microseconds since
# 1970-01-01 UTC, and set where the entry is a decision: neither the end of a stream nor an event.
entries = Table(
    "audit_entries",
    metadata,
    Column("entry_index", _index, primary_key=True, autoincrement=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("salt", LargeBinary(16)),
    Column("record", LargeBinary),
    Column("decided_at", BigInteger),
    Index("ix_audit_entries_decided_at", "decided_at", "entry_index"),
)

manifests = Table(
    "audit_manifests",
    metadata,
    Column("entry_index", ForeignKey("audit_entries.entry_index"), primary_key=True, autoincrement=False),
    Column("segment", Integer, primary_key=True, autoincrement=False),
    Column("tokens", LargeBinary, nullable=False),
)

# `taken` is the number of the account's marks.
meters = Table(
    "meter_accounts",
    metadata,
    Column("account", LargeBinary(64), primary_key=True),
    Column("taken", Integer, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Index("ix_meter_accounts_ends_at", "ends_at"),
)

meter_marks = Table(
    "meter_marks",
    metadata,
    Column("account", ForeignKey("meter_accounts.account"), primary_key=True),
    Column("mark", LargeBinary(64), primary_key=True),
)

# `changes` counts what happened to a register; each consent has the count of what last happened to it, so that a copy
# can be brought up to date by what is newer. `first_day` and `last_day` repeat given_at and ends_on as days of the city
# (proleptic Gregorian ordinals), so that a copy of very many is read fast.
consent_registers = Table(
    "consent_registers",
    metadata,
    Column("register", String(512), primary_key=True),
    Column("changes", BigInteger, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("register", ForeignKey("consent_registers.register"), primary_key=True),
    Column("consent_id", String(512), primary_key=True),
    Column("subject", LargeBinary(16), nullable=False),
    Column("purpose", String(512), nullable=False),
    Column("recipient", String(512), nullable=False),
    Column("source", Text, nullable=False),
    Column("proof", LargeBinary(32), nullable=False),
    Column("given_at", DateTime, nullable=False),
    Column("ends_on", Date),
    Column("recorded_by", Text, nullable=False),
    Column("withdrawn_at", DateTime),
    Column("withdrawn_by", Text, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
    Index("ix_consents_change", "register", "purpose", "change"),
    Index("ix_consents_subject", "register", "subject"),
)

cases = Table(
    "cases",
    metadata,
    Column("register", String(512), primary_key=True),
    Column("number", String(512), primary_key=True),
    Column("institution", String(512), primary_key=True),
    Column("opened_at", DateTime, nullable=False),
    Column("ends_on", Date),
    Column("recorded_by", Text, nullable=False),
    Column("closed_at", DateTime),
)

emergencies = Table(
    "emergencies",
    metadata,
    Column("emergency_id", String(128), primary_key=True),
    Column("grant_name", String(512), nullable=False),
    Column("institution", String(512), nullable=False),
    Column("person", String(512), nullable=False),
    Column("purpose", String(512), nullable=False),
    Column("why", Text, nullable=False),
    Column("opened_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Column("review_due", DateTime, nullable=False),
    Column("reviewed_by", Text, nullable=False),
    Column("reviewed_at", DateTime),
    Column("verdict", String(32)),
    Index("ix_emergencies_person", "institution", "person", "ends_at"),
    Index("ix_emergencies_opened_at", "opened_at"),
)

# `content` is compressed; `content_hash` is the SHA-256 of what it decompresses to.
kept_policies = Table(
    "policies",
    metadata,
    Column("digest", String(128), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary(32), nullable=False),
)

proposals = Table(
    "policy_proposals",
    metadata,
    Column("number", _index, primary_key=True, autoincrement=False),
    Column("proposal_id", String(128), nullable=False, unique=True),
    Column("digest", ForeignKey("policies.digest"), nullable=False),
    Column("base", String(128), nullable=False),
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("proposed_at", DateTime, nullable=False),
    Column("emergency", Boolean, nullable=False),
)

proposal_approvals = Table(
    "policy_proposal_approvals",
    metadata,
    Column("number", ForeignKey("policy_proposals.number"), primary_key=True, autoincrement=False),
    Column("officer", String(512), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("approved_at", DateTime, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

publications = Table(
    "policy_publications",
    metadata,
    Column("number", _index, primary_key=True, autoincrement=False),
    Column("digest", ForeignKey("policies.digest"), nullable=False),
    Column("act", String(32), nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_at", DateTime, nullable=False),
    Column("proposal_id", String(128), nullable=False),
    Column("note", Text, nullable=False),
    Column("review_due", DateTime),
    Column("reviewed_by", Text, nullable=False),
    Column("reviewed_at", DateTime),
)

publication_approvals = Table(
    "policy_publication_approvals",
    metadata,
    Column("number", ForeignKey("policy_publications.number"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("officer", Text, nullable=False),
    Column("approved_at", DateTime, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

# `recipients` are one canonical JSON text.
certificates = Table(
    "sunset_certificates",
    metadata,
    Column("number", _index, primary_key=True, autoincrement=False),
    Column("purpose", String(512), nullable=False),
    Column("ended_on", Date, nullable=False),
    Column("destroyed_at", DateTime, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("policy_digest", String(128), nullable=False),
    Column("audit_index", BigInteger, nullable=False),
    Index("ix_sunset_certificates_purpose", "purpose"),
)

# A domain is a recipient and a purpose; join grants are of standing tokens alone.
joins = Table(
    "joins",
    metadata,
    Column("number", _index, primary_key=True, autoincrement=False),
    Column("join_id", String(128), nullable=False, unique=True),
    Column("first_recipient", String(512), nullable=False),
    Column("first_purpose", String(512), nullable=False),
    Column("second_recipient", String(512), nullable=False),
    Column("second_purpose", String(512), nullable=False),
    Column("dataset", String(512), nullable=False),
    Column("field", String(512), nullable=False),
    Column("form", String(32), nullable=False),
    Column("purpose", String(512), nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("ended_at", DateTime),
    Column("destroyed_at", DateTime),
    Column("audit_index", BigInteger),
)

reidentifications = Table(
    "reidentifications",
    metadata,
    Column("request_id", String(128), primary_key=True),
    Column("institution", String(512), nullable=False),
    Column("person", String(512), nullable=False),
    Column("dataset", String(512), nullable=False),
    Column("disclosure", String(512), nullable=False),
    Column("field", String(512), nullable=False),
    Column("purpose", String(512), nullable=False),
    Column("tokens_of", String(512), nullable=False),
    Column("region", String(512), nullable=False),
    Column("case_number", String(512), nullable=False),
    Column("reason", Text, nullable=False),
    Column("token_count", Integer, nullable=False),
    Column("tokens_digest", LargeBinary(32), nullable=False),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("asked_at", DateTime, nullable=False),
    Column("collected_at", DateTime),
    Index("ix_reidentifications_asked_at", "asked_at"),
)

# Of join grants and of re-identifications, by their ids, which are random.
linking_approvals = Table(
    "linking_approvals",
    metadata,
    Column("subject_id", String(128), primary_key=True),
    Column("officer", String(512), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("approved_at", DateTime, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

contest_references = Table(
    "contest_references",
    metadata,
    Column("contest", String(128), primary_key=True),
    Column("release_id", ForeignKey("budget_charges.release_id"), nullable=False, unique=True),
    Column("made_by", String(512), nullable=False),
    Column("made_at", DateTime, nullable=False),
)

# `score` counts the contest's steps.
contest_entries = Table(
    "contest_entries",
    metadata,
    Column("number", _index, primary_key=True, autoincrement=False),
    Column("contest", String(128), nullable=False),
    Column("institution", String(512), nullable=False),
    Column("person", String(512), nullable=False),
    Column("entered_at", DateTime, nullable=False),
    Column("score", BigInteger, nullable=False),
    Index("ix_contest_entries_contest", "contest", "institution"),
)

# `plan` is the name of the table of nodes. From `ends_at` on no day is read; figures are erased then.
series = Table(
    "series",
    metadata,
    Column("series_id", ForeignKey("budget_charges.release_id"), primary_key=True),
    Column("plan", String(128), nullable=False),
    Column("opened_by", String(512), nullable=False),
    Column("opened_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False, server_default="9999-12-31 00:00:00.000000"),
)

# `figures` are sealed, and empty once the series is complete or has ended.
series_days = Table(
    "series_days",
    metadata,
    Column("series_id", ForeignKey("series.series_id"), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("closed_at", DateTime, nullable=False),
    Column("data_version", String(128), nullable=False),
    Column("figures", LargeBinary, nullable=False),
)

# `noised` holds the values of the cells, 64-bit integers each, the lowest byte first.
series_nodes = Table(
    "series_nodes",
    metadata,
    Column("series_id", ForeignKey("series.series_id"), primary_key=True),
    Column("statistic", Integer, primary_key=True, autoincrement=False),
    Column("node", String(128), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("noised", LargeBinary, nullable=False),
)

# What synthetic extracts are made of; `payload` is canonical JSON.
synthesis_counts = Table(
    "synthesis_counts",
    metadata,
    Column("counts_id", ForeignKey("budget_charges.release_id"), primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("stored_at", DateTime, nullable=False),
)

# A running job is its worker's until the lease ends. `progress` counts thousandths, `certificate` is canonical JSON.
synthesis_jobs = Table(
    "synthesis_jobs",
    metadata,
    Column("job_id", String(128), primary_key=True),
    Column("counts_id", ForeignKey("synthesis_counts.counts_id"), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("format", String(16), nullable=False),
    Column("institution", String(512), nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", String(16), nullable=False),
    Column("progress", Integer, nullable=False),
    Column("failure", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("worker", String(128), nullable=False),
    Column("lease_until", DateTime),
    Column("asked_at", DateTime, nullable=False),
    Column("ended_at", DateTime),
    Column("file_bytes", BigInteger),
    Column("file_sha256", String(64)),
    Column("certificate", LargeBinary),
    Index("ix_synthesis_jobs_state", "state", "asked_at"),
)

# Extracts that can be gone on with: digests of what was asked and permitted, and nothing of the data.
extracts = Table(
    "extracts",
    metadata,
    Column("extract_id", String(128), primary_key=True),
    Column("institution", String(512), nullable=False),
    Column("person", String(512), nullable=False),
    Column("asked", LargeBinary, nullable=False),
    Column("permission", LargeBinary, nullable=False),
    Column("decided_at", DateTime, nullable=False),
    Column("data_version", String(128), nullable=False),
    Column("entry_index", ForeignKey("audit_entries.entry_index"), nullable=False),
    Column("streams", Integer, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Index("ix_extracts_institution", "institution", "entry_index"),
    Index("ix_extracts_ends_at", "ends_at"),
)

# Indicators as they were published last; `state` is sealed.
indicators = Table(
    "indicators",
    metadata,
    Column("indicator_id", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("published_at", DateTime, nullable=False),
    Column("read", String(128), nullable=False),
    Column("data_version", String(128), nullable=False),
    Column("state", LargeBinary, nullable=False),
)
