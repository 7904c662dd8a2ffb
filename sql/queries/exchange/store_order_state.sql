-- What an event has made of an order. The times follow the status: the clock of unknown goes on while it lasts.
UPDATE orders
SET
  status = CAST(:status AS text),
  status_reason = :reason,
  filled_quantity = :filled,
  average_price = :average,
  exchange_order_id = :number,
  submitted_at = CASE WHEN CAST(:status AS text) = 'submitting' THEN now() ELSE submitted_at END,
  unknown_since = CASE WHEN CAST(:status AS text) = 'unknown' THEN coalesce(unknown_since, now()) END,
  closed_at = CASE WHEN CAST(:final AS boolean) THEN coalesce(closed_at, now()) END
WHERE id = :id
