-- Who may do what over HTTP.
CREATE TABLE token (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	role TEXT NOT NULL CHECK (role IN ('read', 'triage', 'admin')),
	hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
	created_ms INTEGER NOT NULL,
	last_used_ms INTEGER,
	revoked_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX token_by_name ON token(name) WHERE revoked_ms IS NULL;
