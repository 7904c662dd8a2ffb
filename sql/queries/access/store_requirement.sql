-- Keeps a decision, once.
INSERT INTO token_requirements (valid_from, requirement, average_price, outcome, reason)
VALUES (:valid_from, :requirement, :average_price, :outcome, :reason)
ON CONFLICT (valid_from) DO NOTHING
RETURNING valid_from
