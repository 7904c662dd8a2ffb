-- Keeps a decision, once.
INSERT INTO token_requirements (valid_from, requirement, average_price, outcome, reason, grace_ends_at)
VALUES (:valid_from, :requirement, :average_price, :outcome, :reason, :grace_ends_at)
ON CONFLICT (valid_from) DO NOTHING
RETURNING valid_from
