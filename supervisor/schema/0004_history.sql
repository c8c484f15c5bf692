-- A target over time.
CREATE TABLE target_history (
	target_id INTEGER NOT NULL REFERENCES target(id),
	at_ms INTEGER NOT NULL,
	executions INTEGER NOT NULL,
	features INTEGER NOT NULL,
	units INTEGER NOT NULL,
	per_second INTEGER NOT NULL,
	PRIMARY KEY (target_id, at_ms)
) STRICT, WITHOUT ROWID;
