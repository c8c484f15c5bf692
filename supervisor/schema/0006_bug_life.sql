-- What happened to a bug, and what it cost.
ALTER TABLE bug ADD COLUMN core_ms INTEGER NOT NULL DEFAULT 0;

CREATE TABLE bug_event (
	id INTEGER PRIMARY KEY,
	bug_id INTEGER NOT NULL REFERENCES bug(id),
	at_ms INTEGER NOT NULL,
	what TEXT NOT NULL,
	text TEXT NOT NULL
) STRICT;
CREATE INDEX bug_event_by_bug ON bug_event(bug_id);

INSERT INTO bug_event (bug_id, at_ms, what, text)
	SELECT id, found_ms, 'found', 'found before its life was recorded' FROM bug;
