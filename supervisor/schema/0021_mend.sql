-- Which pull request mended a bug that is fixed, and how that is known.
ALTER TABLE bug ADD COLUMN mend TEXT;
