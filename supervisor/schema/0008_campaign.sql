-- Campaigns, and targets that somebody holds.
CREATE TABLE campaign (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	state TEXT NOT NULL CHECK (state IN ('active', 'done', 'stopped')),
	budget_ms INTEGER NOT NULL CHECK (budget_ms > 0),
	core_ms INTEGER NOT NULL DEFAULT 0,
	executions INTEGER NOT NULL DEFAULT 0,
	features INTEGER NOT NULL DEFAULT 0,
	crashes INTEGER,
	bugs INTEGER,
	began_ms INTEGER NOT NULL,
	ended_ms INTEGER
) STRICT;

CREATE TABLE campaign_target (
	campaign_id INTEGER NOT NULL REFERENCES campaign(id),
	target_id INTEGER NOT NULL REFERENCES target(id),
	PRIMARY KEY (campaign_id, target_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE target ADD COLUMN held_ms INTEGER;
ALTER TABLE target ADD COLUMN held_why TEXT;
