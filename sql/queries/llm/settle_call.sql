-- Enters what became of a call of a language model: see the function.
SELECT llm_settle(
  :id, :outcome, :reason, :model, CAST(:prompt_tokens AS integer), CAST(:completion_tokens AS integer),
  CAST(:cost AS numeric), CAST(:seconds AS numeric)
)
