-- How many trades the narrow sets of a search hold, counted up to one more than are gone through.
-- include/trades/search.py fills the braces.
SELECT {counts}
