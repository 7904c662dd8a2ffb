"""Who has access: nobody loses it without the full grace after the raise that concerns them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from include.access.states import Balance, Grant, RequirementStep, judge

HOUR = timedelta(hours=1)
T = datetime(2026, 3, 1, tzinfo=UTC)
GRACE, PATIENCE = 72 * HOUR, 24 * HOUR


class Life:
    """One holder, an hour at a time."""

    def __init__(self):
        self.steps, self.grant, self.balance, self.states = [], None, None, {}

    def at(self, hour, tokens=None, required=None):
        """Go to an hour; `tokens` was read then, `required` holds from then on."""
        now = T + hour * HOUR
        if required is not None:
            self.steps.append(RequirementStep(now, required, now + GRACE))
        if tokens is not None:
            self.balance = Balance(Decimal(tokens), now)
        self.grant = judge(self.grant, self.steps, self.balance, now, patience=PATIENCE)
        self.states[hour] = self.grant.state
        return self.grant


def ends(hour):
    return T + hour * HOUR + GRACE


def test_a_raise_gives_grace_to_whoever_had_access_and_to_nobody_else():
    life, poor = Life(), Life()
    assert life.at(0).state == "unknown", "no requirement"
    assert life.at(1, 1500, 1000).state == "full" and poor.at(1, 900, 1000).state == "none"
    for hour in range(2, 10):
        life.at(hour, 1500)
    assert (life.at(10, 1500, 2000).state, life.grant.grace_ends_at) == ("grace", ends(10))
    assert poor.at(10, 1500, 2000).state == "none", "it never had access"
    for hour in range(11, 82):
        assert life.at(hour, 1500).since == T + 10 * HOUR
    lost = life.at(82, 1500)
    assert (lost.state, lost.held_since, "grace" in lost.reason) == ("none", None, True)


def test_lowering_restores_at_once_and_a_second_raise_has_a_deadline_of_its_own():
    life = Life()
    life.at(0, 2500, 1000)
    assert life.at(10, 2500, 2000).state == "full"
    assert (life.at(20, 2500, 3000).state, life.grant.grace_ends_at) == ("grace", ends(20))
    both = Life()
    both.at(0, 1500, 1000)
    both.at(10, 1500, 2000)
    assert both.at(20, 1500, 3000).grace_ends_at == ends(10), "the first raise holds"
    assert both.at(30, 2500).grace_ends_at == ends(20), "after buying, the second is the one"
    assert both.at(40, 2500, 2000).state == "full"
    assert both.at(50, 2500, 3000).grace_ends_at == ends(50), "raised anew"


def test_buying_and_selling_neither_moves_nor_loses_the_deadline():
    life = Life()
    life.at(0, 1500, 1000)
    life.at(10, 1500, 2000)
    assert life.at(20, 2000).state == "full"
    assert (life.at(30, 1500).state, life.grant.grace_ends_at) == ("grace", ends(10))
    sold = life.at(31, 999)
    assert (sold.state, sold.grace_ends_at) == ("none", None), "no raise took that"
    life.at(32, 2000)
    assert life.at(33, 1500).state == "none", "access began after the raise"


def test_what_cannot_be_read_denies_nothing():
    life = Life()
    life.at(0, 1500, 1000)
    assert life.at(24).state == "full" and life.at(25).state == "unknown"
    assert life.at(26, 1500).state == "full"
    life.at(30, 1500, 2000)
    for hour in range(31, 102):
        assert life.at(hour).state == "grace", "while it runs, however old the balance is"
    assert life.at(102).state == "unknown"
    assert life.at(103).held_since == T, "and nothing is lost by it"
    assert life.at(104, 2000).state == "full"
    edge = Life()
    edge.at(0, 1500, 1000)
    edge.at(10, 1500, 2000)
    edge.at(81, 1500)
    assert edge.at(82).state == "unknown", "the last balance is older than the deadline"
    assert edge.at(83, 1500).state == "none"


def test_unknown_is_not_held_against_a_holder_whose_raise_came_meanwhile():
    life = Life()
    life.at(0, 1500, 1000)
    life.at(30)
    assert life.grant.state == "unknown"
    assert life.at(31, required=2000).grace_ends_at == ends(31)
    assert life.at(40, 1500).grace_ends_at == ends(31)


# What happens, and for how many hours nothing else does.
happenings = st.lists(
    st.tuples(
        st.sampled_from([None, 1000, 2000, 3000, 4000]),  # what is required from then on
        st.sampled_from([None, 500, 1500, 2500, 3500]),  # what the holder has from then on
        st.sampled_from(["read", "read", "unread", "missed"]),  # how the checks of those hours end
        st.integers(1, 80),
    ),
    min_size=2,
    max_size=6,
)


@given(happenings)
@settings(max_examples=200)
def test_nobody_loses_access_without_the_full_grace(events):
    life, holds, now_required, began = Life(), 1500, 1000, 0
    life.at(0, holds, now_required)
    required = {0: now_required}
    by_hour = [
        (raised if not number else None, bought or 0, check)
        for raised, bought, check, hours in events
        for number in range(hours)
    ]
    for hour, (raised, bought, check) in enumerate(by_hour, 1):
        now_required, holds = raised or now_required, bought or holds
        required[hour] = now_required
        if raised:
            life.steps.append(RequirementStep(T + hour * HOUR, raised, ends(hour)))
        if check == "missed":  # no run: paused, killed, late
            continue
        before = life.grant
        after = life.at(hour, holds if check == "read" else None)
        assert life.at(hour, holds if check == "read" else None) == after, "a second run says the same"
        assert after.state != "full" or Decimal(now_required) <= life.balance.tokens
        if before.held_since is None and after.held_since is not None:
            began = hour
        if before.held_since is not None and after.state == "none":
            assert check == "read", "an unread balance denied"
            # By brute force: what sufficed in the last 72 hours of access, before a raise, still suffices.
            sufficed = [required[one] <= holds for one in range(max(hour - 72, began), hour + 1)]
            assert not any(sufficed)
        if after.state == "grace":
            assert T + hour * HOUR < after.grace_ends_at <= T + hour * HOUR + GRACE
        if check == "read" and after.state in ("full", "none"):
            easier = [*life.steps, RequirementStep(T + hour * HOUR, now_required - 500, ends(hour))]
            lowered = judge(before, easier, life.balance, T + hour * HOUR, patience=PATIENCE)
            assert lowered.state == "full" or after.state == "none", "lowering took something away"


def test_the_first_judgement_without_a_reading_or_requirement():
    found = judge(None, [RequirementStep(T, 1000, ends(0))], None, T, patience=PATIENCE)
    assert found == Grant("unknown", T, None, None, found.reason) and "never" in found.reason
