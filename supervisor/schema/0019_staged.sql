-- What staged pull requests are, what they changed, and what they were tested with.
ALTER TABLE staged_pr ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE staged_pr ADD COLUMN url TEXT;
ALTER TABLE staged_pr ADD COLUMN repo TEXT;

CREATE TABLE staged_change (
	adapter_id INTEGER NOT NULL,
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	path TEXT NOT NULL,
	added INTEGER NOT NULL,
	removed INTEGER NOT NULL,
	functions TEXT NOT NULL,
	functions_left_out INTEGER NOT NULL,
	PRIMARY KEY (adapter_id, pr, head, path),
	FOREIGN KEY (adapter_id, pr, head) REFERENCES staged_pr(adapter_id, pr, head)
) STRICT, WITHOUT ROWID;

CREATE TABLE staged_target (
	adapter_id INTEGER NOT NULL,
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	target_id INTEGER NOT NULL REFERENCES target(id),
	is_near INTEGER NOT NULL CHECK (is_near IN (0, 1)),
	lines INTEGER,
	PRIMARY KEY (adapter_id, pr, head, target_id),
	FOREIGN KEY (adapter_id, pr, head) REFERENCES staged_pr(adapter_id, pr, head)
) STRICT, WITHOUT ROWID;

CREATE TABLE staged_tree (
	adapter_id INTEGER NOT NULL,
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	tree TEXT NOT NULL,
	PRIMARY KEY (adapter_id, pr, head, tree),
	FOREIGN KEY (adapter_id, pr, head) REFERENCES staged_pr(adapter_id, pr, head)
) STRICT, WITHOUT ROWID;

CREATE TABLE tree_work (
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	tree TEXT NOT NULL,
	target_id INTEGER NOT NULL REFERENCES target(id),
	flavour TEXT NOT NULL,
	engine TEXT NOT NULL,
	core_ms INTEGER NOT NULL,
	executions INTEGER NOT NULL,
	PRIMARY KEY (adapter_id, tree, target_id, flavour, engine)
) STRICT, WITHOUT ROWID;
