-- Answers say which input they are of, so that another input of the bug gets its own, and
-- another bug with the same input can use them. Those from before do not say: they are asked
-- again.
DROP TABLE verdict;
CREATE TABLE verdict (
	bug_id INTEGER NOT NULL REFERENCES bug(id),
	input BLOB NOT NULL CHECK (length(input) = 32),
	tree TEXT NOT NULL,
	answer TEXT NOT NULL CHECK (answer IN ('bad', 'good', 'untestable')),
	runs INTEGER NOT NULL,
	hits INTEGER NOT NULL,
	others INTEGER NOT NULL,
	PRIMARY KEY (bug_id, input, tree)
) STRICT, WITHOUT ROWID;
CREATE INDEX verdict_by_input ON verdict(input);
