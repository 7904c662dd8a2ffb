-- The freeze that holds a group of DAGs now; the constraint one_freeze_at_a_time lets there be one at most.
SELECT *
FROM freezes
WHERE begins_at <= now() AND coalesce(ended_at, ends_at) > now() AND :group = ANY (groups)
