-- May this caller's request go on? One round trip: sql/functions/admit_api_call.sql.
SELECT * FROM admit_api_call(
  CAST(:key_hash AS bytea), CAST(:caller AS text), CAST(:calls AS integer), CAST(:window AS interval),
  CAST(:reading AS boolean)
)
