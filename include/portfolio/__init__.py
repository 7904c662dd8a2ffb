"""Portfolios: snapshots of what is held, daily values, value at risk, and how well it was forecast.

What others use is asked for in its module: `value_at_risk` and `risk_tests` are plain functions of numbers.
"""
