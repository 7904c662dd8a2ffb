-- Sets back what a clock that was ahead has left in these tables, before work looks at them.
SELECT set_back_future_rows(CAST(:tables AS text[]), now(), CAST(:lease AS interval))
