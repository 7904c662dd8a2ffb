"""The metrics of portfolios, their risk, and token access; part of `families`."""

from include.telemetry.exporters.declared_metric import DeclaredMetric

PORTFOLIO_SOURCES = ("ibkr", "exchange", "file")
ACCESS_STATES = ("full", "grace", "none", "unknown")

RISK_METRICS: tuple[DeclaredMetric, ...] = (
    # portfolios
    DeclaredMetric(
        "tradeops_portfolio_syncs_total",
        "counter",
        "Looks at portfolios that were stored, or failed.",
        {"source": PORTFOLIO_SOURCES, "outcome": ("complete", "failed")},
    ),
    DeclaredMetric(
        "tradeops_portfolio_last_sync_timestamp_seconds",
        "gauge",
        "As of when the portfolio of a source that was seen the longest ago is known.",
        {"source": PORTFOLIO_SOURCES},
    ),
    DeclaredMetric(
        "tradeops_portfolio_sync_seconds",
        "gauge",
        "How long the last look at a portfolio took.",
        {"source": PORTFOLIO_SOURCES},
    ),
    DeclaredMetric(
        "tradeops_risk_assessments_total",
        "counter",
        "Days whose risk was worked out, or was not.",
        {"outcome": ("complete", "failed")},
    ),
    DeclaredMetric("tradeops_risk_last_success_timestamp_seconds", "gauge", "When risk was last worked out."),
    DeclaredMetric(
        "tradeops_risk_assessment_seconds", "gauge", "How long the last calculation of risk took."
    ),
    DeclaredMetric(
        "tradeops_risk_traffic_lights",
        "gauge",
        "Forecasts, by portfolio, method and confidence, in each zone of the newest back-test.",
        {"zone": ("green", "yellow", "red")},
    ),
    DeclaredMetric(
        "tradeops_risk_exceptions_to_expected_ratio",
        "gauge",
        "Losses above the value at risk in the newest back-test, by the number expected; 1 is right.",
        {"method": (), "confidence": ()},
    ),
    # token access
    DeclaredMetric(
        "tradeops_token_price_age_seconds", "gauge", "Since the token's newest price that was believed."
    ),
    DeclaredMetric(
        "tradeops_token_price_usd",
        "gauge",
        "The token's average price, as the requirement was decided by it.",
    ),
    DeclaredMetric("tradeops_token_requirement_tokens", "gauge", "How many tokens give access."),
    DeclaredMetric(
        "tradeops_token_requirement_frozen", "gauge", "1 while no price is believed, so that nothing changes."
    ),
    DeclaredMetric(
        "tradeops_token_price_refusals_total",
        "counter",
        "Prices of the token that were missing or not believed, by source.",
        {"source": ()},
    ),
    DeclaredMetric(
        "tradeops_access_holders",
        "gauge",
        "Holders in each state, as last judged.",
        {"state": ACCESS_STATES},
    ),
    DeclaredMetric(
        "tradeops_access_changes_total",
        "counter",
        "Changes of access by the state that began: full is a grant, none a denial.",
        {"state": ACCESS_STATES},
    ),
    DeclaredMetric(
        "tradeops_balance_check_last_success_timestamp_seconds",
        "gauge",
        "When all balances were last read, to the end.",
    ),
    DeclaredMetric(
        "tradeops_balances_unreadable", "gauge", "Wallets that the last such check could not read."
    ),
    DeclaredMetric(
        "tradeops_access_grace_next_end_timestamp_seconds",
        "gauge",
        "When the next grace ends; in the year 9999: nobody is in grace.",
    ),
)
