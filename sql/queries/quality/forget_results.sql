-- Removes the results of a day's batches that its last audit no longer found.
DELETE FROM data_quality_results
WHERE day = :day AND suite = ANY(CAST(:suites AS text[])) AND batch <> ALL(CAST(:batches AS text[]))
