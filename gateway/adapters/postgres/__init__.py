"""Tables of PostgreSQL databases as a source: pinned snapshots, points through psycopg, streams through ADBC."""
