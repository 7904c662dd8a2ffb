-- The tokens that a post-mortem took on average in the last 30 days, requests that got no usable answer included:
-- what all of them took, for each that was answered.
SELECT
  sum(prompt_tokens) / nullif(count(*) FILTER (WHERE outcome = 'answered'), 0) AS prompt_tokens,
  sum(completion_tokens) / nullif(count(*) FILTER (WHERE outcome = 'answered'), 0) AS completion_tokens
FROM llm_calls
WHERE purpose = 'post_mortem' AND day >= (now() AT TIME ZONE 'UTC')::date - 30
