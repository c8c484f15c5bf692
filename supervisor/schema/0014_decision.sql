-- What people decided about a bug by hand; its state stays the machine's.
ALTER TABLE bug ADD COLUMN decision TEXT
	CHECK (decision IN ('wontfix', 'expected', 'closed'));
ALTER TABLE bug ADD COLUMN decision_why TEXT;
ALTER TABLE bug ADD COLUMN decision_by TEXT;
ALTER TABLE bug ADD COLUMN decision_ms INTEGER;
ALTER TABLE bug ADD COLUMN decision_commit TEXT;
ALTER TABLE bug ADD COLUMN muted_ms INTEGER;
ALTER TABLE bug_event ADD COLUMN actor TEXT;
ALTER TABLE bug_event ADD COLUMN why TEXT;
DROP INDEX bug_by_target;
CREATE INDEX bug_by_target ON bug(target_id, state, core_ms, decision);
