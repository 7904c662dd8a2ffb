-- How many messages wait to be judged, counted no further than one run goes.
SELECT count(*) FROM (SELECT FROM signals WHERE status = 'received' LIMIT :most) AS waiting
