"""The states of an alert once more, written down plainly, one alert and one pass at a time."""

from dataclasses import dataclass, field

STEP = 2.0  # minutes that a gap between two passes proves at most
DAY = 24 * 60.0


@dataclass
class Rule:
    """Limits and times of one alert, in minutes."""

    limit: float
    clear: float
    proof: float
    recovery: float
    cooldown: float
    no_data: str
    no_data_for: float
    delays: list[float]


@dataclass
class Alert:
    """One alert and its story."""

    rule: Rule
    state: str | None = None
    observed: str | None = None
    held: float = 0.0
    at: float = 0.0
    fired_at: float | None = None
    level: int = 0
    told_at: float | None = None
    told: list[tuple[float, str, int]] = field(default_factory=list)

    def step(self, at: float, value: float | None) -> None:
        """What a pass that sees the value at this minute makes of the alert."""
        rule, active = self.rule, self.fired_at is not None
        if value is None:
            observed = {"normal": "good", "alert": "bad", "hold": "no_data"}[rule.no_data]
        else:
            observed = "bad" if value > (rule.clear if active else rule.limit) else "good"
        self.held = self.held + min(at - self.at, STEP) if observed == self.observed else 0.0
        self.observed, self.at = observed, at

        if observed == "bad":
            if active or self.held >= rule.proof:
                self.state = "firing"
                if not active:
                    self.fired_at = at
            else:
                self.state = "pending"
        elif observed == "good":
            if active and self.held < rule.recovery:
                self.state = "recovering"
            else:
                self.end(at)
                self.state = "normal"
        elif self.held >= rule.no_data_for:
            self.state = "no_data"
            if self.held >= DAY:
                self.end(at)
        elif self.state is None:
            self.state = "no_data"
        self.tell(at)

    def end(self, at: float) -> None:
        if self.fired_at is not None and self.level:
            self.told.append((at, "resolved", 1))
        self.fired_at, self.level = None, 0

    def tell(self, at: float) -> None:
        if self.state != "firing" or self.fired_at is None:
            return
        if self.level == 0 and self.told_at is not None and at < self.told_at + self.rule.cooldown:
            return
        due = sum(self.fired_at + delay <= at for delay in self.rule.delays)
        if self.level == 0:
            self.told_at = at
        for level in range(self.level + 1, due + 1):
            self.told.append((at, "firing" if level == 1 else "escalated", level))
        self.level = max(self.level, due)
