-- What each engine did on a target.
CREATE TABLE target_engine (
	target_id INTEGER NOT NULL REFERENCES target(id),
	engine TEXT NOT NULL,
	executions INTEGER NOT NULL,
	core_ms INTEGER NOT NULL,
	received INTEGER NOT NULL,
	kept INTEGER NOT NULL,
	PRIMARY KEY (target_id, engine)
) STRICT, WITHOUT ROWID;
