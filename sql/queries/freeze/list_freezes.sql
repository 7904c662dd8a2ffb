-- The newest freezes, a page of them.
SELECT *
FROM freezes
WHERE id < coalesce(CAST(:before AS bigint), 9223372036854775807)
ORDER BY id DESC
LIMIT :limit
