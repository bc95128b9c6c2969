"""What a gateway keeps in its state database: its registers, the ledger, the audit log, the archive of policies.

Each module keeps one of them, `schema` says in which tables, and `migrations` made those. `database` opens the
file, and `upgrade` brings it to this version.
"""
