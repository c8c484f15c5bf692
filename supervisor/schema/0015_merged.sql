-- Bugs that turned out to be one, crashes that belong elsewhere, and pairs that somebody
-- told apart.
ALTER TABLE bug ADD COLUMN merged_into INTEGER REFERENCES bug(id);
CREATE INDEX bug_by_merge ON bug(merged_into) WHERE merged_into IS NOT NULL;
ALTER TABLE crash ADD COLUMN own_bug_id INTEGER REFERENCES bug(id);
ALTER TABLE crash ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0 CHECK (is_pinned IN (0, 1));
CREATE INDEX crash_by_own_bug ON crash(own_bug_id) WHERE own_bug_id IS NOT NULL;
CREATE TABLE bug_apart (
	a INTEGER NOT NULL REFERENCES bug(id),
	b INTEGER NOT NULL REFERENCES bug(id),
	PRIMARY KEY (a, b),
	CHECK (a < b)
) STRICT, WITHOUT ROWID;
