-- A commit that belongs to no pull request was number 0 among those at fault; it is named in
-- the proof now.
UPDATE bug SET prs = (SELECT json_group_array(value) FROM json_each(prs) WHERE value <> 0)
	WHERE EXISTS (SELECT 1 FROM json_each(bug.prs) WHERE value = 0);
