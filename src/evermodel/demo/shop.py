"""The shop as the loop sees it: batches of customers to be scored, and outcomes weeks later.

A batch is scored every Monday at six; a customer is in every fifth batch as long as the last order
is at most 45 days old. `churned` is "yes" when no order follows within 30 days. What the shop hands
out here is all that a stage may see; the plan behind it stays with the simulator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evermodel.demo.batch import KEYS, START, look_at
from evermodel.demo.days import FIRST_DAY, LAST_DAY, Diary, live
from evermodel.demo.people import People, arrive
from evermodel.demo.plan import OUTCOME_WEEKS, WEEKS, Plan

__all__ = ["HISTORY_WEEKS", "LEAK", "MONEY_COLUMNS", "START", "Shop", "Week"]

HISTORY_WEEKS = range(-24, -4)
"""The weeks whose customers and outcomes are known when the year begins."""

LEAK = "last_contact_result"
"""A column that is filled in after the outcome, so that it is there in hindsight and never live."""

MONEY_COLUMNS = ("mean_order_value", "last_order_value")
"""The columns that the broken feed sends in cents."""

_DATETIME = "%Y-%m-%d %H:%M:%S"
_FIRST_CUSTOMERS, _ARRIVALS_A_DAY, _CAMPAIGN_A_DAY = 2500, 4, 26


@dataclass(frozen=True, slots=True)
class Week:
    """What reaches the loop on one Monday.

    `rows` are to be scored (no target). `outcomes` (customer, scored_at, churned) came in since
    last Monday, empty where there are none. `corrections` are outcomes sent once more, right.
    """

    number: int
    time: datetime
    rows: pl.DataFrame
    outcomes: pl.DataFrame
    corrections: pl.DataFrame

    def requests(self, fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return `rows` as JSON records of these fields; null where the shop has no such value."""
        frame = self.rows.select(
            pl.col(name) if name in self.rows.columns else pl.lit(None).alias(name)
            for name in fields
        )
        times = [name for name, kind in frame.schema.items() if kind.is_temporal()]
        iso = frame.with_columns(pl.col(times).dt.strftime("%Y-%m-%dT%H:%M:%S"))
        return iso.to_dicts()

    def write_outcomes(
        self, folder: Path, *, ids: Mapping[tuple[str, datetime], str] | None = None
    ) -> tuple[Path, ...]:
        """Write this Monday's outcome files as CSV and return their paths; none is a valid answer.

        Outcomes come first, then corrections of earlier ones. With `ids`, which gives the
        prediction's id for each (customer, scored_at), the files name predictions by their id.

        Raises
        ------
        KeyError
            When a customer of the file has no id.
        """
        paths = []
        for name, frame in (("outcomes", self.outcomes), ("corrections", self.corrections)):
            if frame.height:
                if ids is not None:
                    named = [ids[key] for key in frame.select(KEYS).iter_rows()]
                    frame = pl.DataFrame({"id": named, "churned": frame["churned"]})
                path = folder / f"{name}-{self.time:%Y-%m-%d}.csv"
                frame.write_csv(path, datetime_format=_DATETIME)
                paths.append(path)
        return tuple(paths)


class Shop:
    """One year of one small shop; the same seed and plan give the same year.

    Parameters
    ----------
    seed : int
        Chooses the customers, what they do, and (unless given) the plan.
    plan : Plan
        The events; `Plan.draw(seed)` where not given.

    Examples
    --------
    >>> shop = Shop(seed=0)
    >>> shop.history().columns[-1]
    'churned'
    >>> shop.week(0).outcomes.height
    0
    """

    def __init__(self, seed: int = 0, *, plan: Plan | None = None) -> None:
        self.seed = seed
        self._plan = Plan.draw(seed) if plan is None else plan
        self._groups = [_usual_customers(seed, self._plan)]
        if self._plan.campaign.start < WEEKS:
            self._groups.append(_campaign_customers(seed, self._plan))
        starts = np.concatenate([people.joined for people, _ in self._groups])
        rank = np.empty(len(starts), np.int64)
        rank[np.argsort(starts, kind="stable")] = np.arange(len(starts))
        cuts = np.cumsum([len(people) for people, _ in self._groups])[:-1]
        self._numbers = np.split(rank + 1, cuts)
        self._batches: dict[int, pl.DataFrame] = {}

    def history(self, *, leak: bool = False) -> pl.DataFrame:
        """Return the labelled rows from before the year, in order of time, target last.

        With `leak`, the column `LEAK` is there too, as the shop's books show it in hindsight.
        """
        frames = [self._labelled(week) for week in HISTORY_WEEKS]
        table = pl.concat(frames)
        return self._with_leak(table) if leak else table

    def write_history(self, path: Path, *, leak: bool = False) -> Path:
        """Write `history` as a CSV file and return its path."""
        self.history(leak=leak).write_csv(path, datetime_format=_DATETIME)
        return path

    def week(self, number: int) -> Week:
        """Return what reaches the loop on the Monday of that week (0 to 51)."""
        if not 0 <= number < WEEKS:
            raise IndexError(number)
        plan = self._plan
        rows = self._scored(number)
        if number in plan.broken_feed:
            rows = rows.with_columns(pl.col(MONEY_COLUMNS) * 100)
        return Week(
            number=number,
            time=START + timedelta(weeks=number),
            rows=rows,
            outcomes=self._delivered(number),
            corrections=self._corrected(number),
        )

    def truth(self, number: int) -> pl.DataFrame:
        """Return what really became of that week's batch: customer, scored_at, churned.

        For money and tests; the loop gets `Week.outcomes`, which may be late or wrong.
        """
        return self._labelled(number).select(*KEYS, "churned")

    def known(self, number: int) -> pl.DataFrame:
        """Return history and all rows of the year with the outcomes that came in by that Monday.

        As they came: rows of the broken feed in cents, labels of the botched file wrong until they
        are corrected. It is what somebody gets who retrains by the calendar and looks at nothing.
        """
        weeks = [self.week(week) for week in range(number + 1)]
        came = pl.concat([part for week in weeks for part in (week.outcomes, week.corrections)])
        newest = came.unique(KEYS, keep="last", maintain_order=True)
        rows = pl.concat([week.rows for week in weeks])
        year = rows.join(newest, on=KEYS, maintain_order="left")
        return pl.concat([self.history(), year])

    def release_table(self, number: int) -> pl.DataFrame:
        """Return the table from which somebody trains the bad release in that week.

        All rows whose outcomes are known by then, as the books show them: in euros, whatever the
        feed sent, and with the column `LEAK`, written down after the outcome, so there for every
        row of the table and blank for every row that is still to be scored.
        """
        rows = [self._labelled(week) for week in range(number - OUTCOME_WEEKS + 1)]
        return self._with_leak(pl.concat([self.history(), *rows]))

    def _scored(self, week: int) -> pl.DataFrame:
        return self._labelled(week).drop("churned")

    def _labelled(self, week: int) -> pl.DataFrame:
        if week not in self._batches:
            self._batches[week] = self._all_groups(week)
        return self._batches[week]

    def _all_groups(self, week: int) -> pl.DataFrame:
        frames = [
            look_at(
                people, diary, numbers, week, np.random.default_rng([self.seed, 5, week + 99, i])
            )
            for i, ((people, diary), numbers) in enumerate(
                zip(self._groups, self._numbers, strict=True)
            )
        ]
        return pl.concat(frames).sort("customer")

    def _delivered(self, week: int) -> pl.DataFrame:
        """Return the outcomes as they come in: the export stands still before the botched file."""
        bad = self._plan.mislabelled
        if bad - 3 <= week < bad:
            return self._outcomes([])
        if week != bad:
            return self._outcomes([week - OUTCOME_WEEKS])
        right = self._outcomes(range(bad - OUTCOME_WEEKS - 3, bad - OUTCOME_WEEKS + 1))
        rng = np.random.default_rng([self.seed, 6])
        wrong = pl.Series(rng.random(right.height) < self._plan.flipped)
        other = pl.when(pl.col("churned") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
        return right.with_columns(churned=pl.when(wrong).then(other).otherwise("churned"))

    def _corrected(self, week: int) -> pl.DataFrame:
        bad = self._plan.mislabelled
        if week != bad + 6:
            return self._outcomes([])
        return self._outcomes(range(bad - OUTCOME_WEEKS - 3, bad - OUTCOME_WEEKS + 1))

    def _outcomes(self, weeks: Sequence[int]) -> pl.DataFrame:
        """Return the true outcomes of these weeks' batches; those before the year are known."""
        frames = [self.truth(week) for week in weeks if week >= 0]
        return pl.concat([self.truth(0).clear(), *frames])

    def _with_leak(self, table: pl.DataFrame) -> pl.DataFrame:
        rng = np.random.default_rng([self.seed, 7])
        chance = rng.random(table.height)
        left = (table["churned"] == "yes").to_numpy()
        word = np.where(
            left,
            np.where(chance < 0.5, "no answer", "will not come back"),
            np.where(chance < 0.12, "no answer", "ordered again"),
        )
        known = np.where(left, chance < 0.85, chance < 0.53)
        result = pl.Series(LEAK, word, dtype=pl.String).set(pl.Series(~known), None)
        return table.insert_column(table.width - 1, result)


def _usual_customers(seed: int, plan: Plan) -> tuple[People, Diary]:
    rng = np.random.default_rng([seed, 2])
    # Who is there at first came over the past years; most of them lately.
    earlier = FIRST_DAY - 1 - np.minimum(rng.exponential(420, _FIRST_CUSTOMERS), 1800)
    later = np.repeat(
        np.arange(FIRST_DAY, LAST_DAY), rng.poisson(_ARRIVALS_A_DAY, LAST_DAY - FIRST_DAY)
    )
    people = arrive(np.concatenate([earlier.astype(np.int64), later]), rng)
    return people, live(people, plan, np.random.default_rng([seed, 3]))


def _campaign_customers(seed: int, plan: Plan) -> tuple[People, Diary]:
    rng = np.random.default_rng([seed, 4])
    days = np.arange(7 * plan.campaign.start, 7 * plan.campaign.end)
    joined = np.repeat(days, rng.poisson(_CAMPAIGN_A_DAY, len(days)))
    people = arrive(joined, rng, young_by_mail=0.9)
    return people, live(people, plan, rng)
