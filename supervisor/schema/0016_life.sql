-- What is known of a bug and a crash: more states, how grave it is, whether it is gone.
DROP INDEX bug_by_target;
ALTER TABLE bug ADD COLUMN life TEXT NOT NULL DEFAULT 'new'
	CHECK (life IN ('new', 'open', 'flaky', 'fixed', 'regressed'));
UPDATE bug SET life = state;
ALTER TABLE bug DROP COLUMN state;
ALTER TABLE bug RENAME COLUMN life TO state;
CREATE INDEX bug_by_target ON bug(target_id, state, core_ms, decision);
ALTER TABLE bug ADD COLUMN tested_reach INTEGER CHECK (tested_reach IN (0, 1));
ALTER TABLE bug ADD COLUMN severity TEXT
	CHECK (severity IN ('EXPLOITABLE', 'PROBABLY_EXPLOITABLE', 'NOT_EXPLOITABLE'));
ALTER TABLE bug ADD COLUMN severity_reason TEXT;
ALTER TABLE bug ADD COLUMN is_remote INTEGER NOT NULL DEFAULT 0 CHECK (is_remote IN (0, 1));

DROP INDEX crash_by_state;
DROP INDEX crash_unjudged;
ALTER TABLE crash ADD COLUMN judged TEXT NOT NULL DEFAULT 'new'
	CHECK (judged IN ('new', 'judged', 'unreproducible', 'environment'));
UPDATE crash SET judged = state;
ALTER TABLE crash DROP COLUMN state;
ALTER TABLE crash RENAME COLUMN judged TO state;
CREATE INDEX crash_by_state ON crash(state);
CREATE INDEX crash_unjudged ON crash(target_id) WHERE state = 'new';
CREATE INDEX crash_unreproduced ON crash(target_id) WHERE state IN ('unreproducible', 'environment');
ALTER TABLE crash ADD COLUMN why TEXT;
ALTER TABLE crash ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crash ADD COLUMN tried_build INTEGER;
