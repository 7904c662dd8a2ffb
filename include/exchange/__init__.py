"""The exchange: orders from signals, their way there and back, and the switch that stops them.

What others use is asked for in its module: `order_states` (the states of an order, pure) and `switch` (what
may be submitted now, and who turns it); `venue` (what an exchange says, and how a call to it may end) and
`bingx` (the one exchange so far).
"""
