-- Notes what an answer says of its model: see the function.
SELECT llm_note_answer(
  :address, :model, :call_id, :usable, CAST(:alike AS text), CAST(:most AS integer), CAST(:pause AS interval),
  CAST(:retry_after AS float8), CAST(:reason AS text), :down
)
