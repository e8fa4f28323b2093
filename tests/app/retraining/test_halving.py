"""Successive halving: the plan of a population, and which runs continue."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retraining.halving import MAX_RUNS, Member, Plan, decide


@pytest.mark.parametrize(
    ("runs", "reduction", "rungs", "keep"),
    [
        (8, 2, [100, 200, 400], [4, 2, 1]),
        (4, 2, [200, 400], [2, 1]),
        (3, 2, [400], [1]),
        (9, 3, [89, 267], [3, 1]),
        (8, 3, [267], [2]),
        (4, 8, [], []),
    ],
)
def test_the_last_rung_is_at_a_fraction_of_the_budget(runs: int, reduction: int, rungs: list[int], keep: list[int]) -> None:
    plan = Plan.of(runs, 800, reduction)
    assert (plan.rungs, plan.keep) == (rungs, keep)


def test_eight_runs_cost_two_and_a_half_whole_ones() -> None:
    assert Plan.of(8, 800, 2).images_of(800) == 8 * 100 + 4 * 100 + 2 * 200 + 1 * 400 == 2_000
    assert Plan.of(4, 800, 8).images_of(800) == 4 * 800


@given(st.integers(2, MAX_RUNS), st.integers(1, 10**9), st.integers(2, MAX_RUNS))
def test_rungs_ascend_and_somebody_always_continues(runs: int, images: int, reduction: int) -> None:
    plan = Plan.of(runs, images, reduction)
    assert plan.rungs == sorted(plan.rungs)
    assert all(1 <= rung <= images for rung in plan.rungs)
    assert plan.keep == sorted(plan.keep, reverse=True)
    assert all(1 <= keep < runs for keep in plan.keep)
    assert len(plan.rungs) == len(plan.keep)
    assert Plan.from_json(plan.to_json()) == plan


def test_a_rung_is_reached_with_the_first_measurement_at_or_after_it() -> None:
    member = Member(1, {"seed": 1})
    member = member.measured(90, 0.5, [100, 200])
    assert (member.kid, member.at_rungs, member.is_waiting) == (0.5, [], False)
    member = member.measured(104, 0.7, [100, 200])
    assert (member.kid, member.at_rungs, member.is_waiting) == (0.5, [0.5], True), "the lowest KID counts"
    assert member.measured(210, 0.1, [100, 200]).at_rungs == [0.5, 0.1]
    assert member.ended([100, 200]).at_rungs == [0.5, 0.5], "a run that has reached a plateau keeps its lowest KID"


def test_a_kid_that_is_not_finite_is_no_kid_and_ranks_last() -> None:
    plan = Plan.of(4, 800, 2)
    members = [Member(index, {}).measured(200, kid, plan.rungs) for index, kid in enumerate([None, 0.3, -0.001, 0.3], 1)]
    decision = decide(plan, members, [])
    assert decision.kid == {"1": None, "2": 0.3, "3": -0.001, "4": 0.3}
    assert (decision.kept, decision.stopped) == ([2, 3], [1, 4]), "of equal ones, the one with the lower number continues"


def test_failed_runs_leave_their_place_to_others() -> None:
    plan = Plan.of(4, 800, 2)
    members = [Member(index, {}).measured(200, 0.1 * index, plan.rungs) for index in (2, 4)]
    decision = decide(plan, members, [3, 1])
    assert (decision.kept, decision.stopped, decision.failed) == ([2, 4], [], [1, 3])


@given(st.lists(st.none() | st.floats(-1, 1), min_size=2, max_size=MAX_RUNS), st.randoms(use_true_random=False))
def test_a_decision_does_not_depend_on_the_order_of_the_runs(kids: list[float | None], order: random.Random) -> None:
    plan = Plan.of(len(kids), 10**6, 2)
    members = [Member(index, {}).measured(plan.rungs[0], kid, plan.rungs) for index, kid in enumerate(kids, 1)]
    decision = decide(plan, members, [])
    order.shuffle(members)
    assert decide(plan, members, []) == decision
    assert len(decision.kept) == plan.keep[0]
    assert sorted(decision.kept + decision.stopped) == list(range(1, len(kids) + 1))
