-- Staged pull requests, and what was fuzzed with them in the tree.
CREATE TABLE staged_pr (
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	head_ref TEXT,
	merge TEXT NOT NULL,
	tree TEXT NOT NULL,
	promoted_ms INTEGER NOT NULL,
	position INTEGER NOT NULL,
	is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),
	since_ms INTEGER NOT NULL,
	core_ms INTEGER NOT NULL DEFAULT 0,
	executions INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (adapter_id, pr, head)
) STRICT, WITHOUT ROWID;
