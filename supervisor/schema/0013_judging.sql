-- How long units wait for a flavour, found without looking at every unit.
CREATE TABLE judging (
	target_id INTEGER NOT NULL REFERENCES target(id),
	flavour TEXT NOT NULL,
	build_id INTEGER REFERENCES build(id) ON DELETE SET NULL,
	since_ms INTEGER NOT NULL,
	seen_ms INTEGER NOT NULL DEFAULT 0,
	within_ms INTEGER NOT NULL,
	PRIMARY KEY (target_id, flavour)
) STRICT, WITHOUT ROWID;
CREATE INDEX target_unit_by_age ON target_unit(target_id, added_ms) WHERE state = 'good';
