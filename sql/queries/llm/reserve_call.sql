-- Enters a call of a language model before it is made, if the day's budget allows it: see the function.
SELECT call_id, verdict, reason, first_refusal, wait_seconds
FROM llm_reserve(
  :purpose, :model, CAST(:worst AS numeric), CAST(:budget AS numeric), CAST(:lease AS interval),
  CAST(:trade_signal_id AS uuid), CAST(:user_id AS uuid), :address, CAST(:patience AS interval), :choice,
  :paired
)
