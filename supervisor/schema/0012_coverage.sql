-- Which lines the corpora reach, and which of those that are staged nothing does.
CREATE TABLE coverage (
	adapter_id INTEGER NOT NULL REFERENCES adapter(id),
	target_id INTEGER REFERENCES target(id),
	snapshot TEXT NOT NULL,
	lines INTEGER NOT NULL,
	lines_reached INTEGER NOT NULL,
	functions INTEGER NOT NULL,
	functions_reached INTEGER NOT NULL,
	regions INTEGER NOT NULL,
	regions_reached INTEGER NOT NULL,
	units INTEGER NOT NULL,
	died INTEGER NOT NULL,
	core_ms INTEGER NOT NULL,
	at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX coverage_of ON coverage(adapter_id, ifnull(target_id, 0));

CREATE TABLE staged_coverage (
	adapter_id INTEGER NOT NULL,
	pr INTEGER NOT NULL,
	head TEXT NOT NULL,
	lines INTEGER NOT NULL,
	lines_reached INTEGER NOT NULL,
	gaps TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	PRIMARY KEY (adapter_id, pr, head),
	FOREIGN KEY (adapter_id, pr, head) REFERENCES staged_pr(adapter_id, pr, head)
) STRICT, WITHOUT ROWID;
