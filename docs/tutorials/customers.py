"""Writes the simulated customers of the tutorial: no real person is in them.

customers.csv      2,000 customers as they stood on a day of last year, and whether they left
new_customers.csv  300 customers of January, of whom nobody knows yet
outcomes.csv       what became of those 300, known a month later
"""

import csv
import datetime as dt
import math
import random
from pathlib import Path

COLUMNS = ["customer_id", "seen_on", "country", "plan", "orders", "spent", "days_since_order"]
COLUMNS += ["complaints", "newsletter", "churned"]


def customer(number, day, dice):
    """Return one customer as a row; more complaints and longer silence make leaving likelier."""
    country = dice.choices(["DE", "FR", "NL", "PL"], [5, 3, 1, 1])[0]
    plan = dice.choices(["free", "basic", "plus"], [5, 3, 2])[0]
    orders = int(dice.expovariate(1 / 6))
    spent = round(orders * dice.lognormvariate(3, 0.5), 2)
    silent = int(dice.expovariate(1 / 45))
    complaints = min(5, int(dice.expovariate(1.2)))
    newsletter = dice.random() < 0.4
    score = -1.6 + 0.02 * silent + 0.7 * complaints - 0.08 * orders - 0.5 * newsletter
    score += {"free": 0.5, "basic": 0.0, "plus": -0.8}[plan]
    left = dice.random() < 1 / (1 + math.exp(-score))
    return [
        f"c{number:05d}",
        day.isoformat(),
        country,
        plan,
        orders,
        # The till does not know what every customer spent.
        "" if dice.random() < 0.05 else spent,
        silent,
        complaints,
        "yes" if newsletter else "no",
        "yes" if left else "no",
    ]


def write(name, columns, rows):
    """Write rows as CSV."""
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


dice = random.Random(7)
start = dt.date(2025, 1, 1)
rows = [customer(i, start + dt.timedelta(days=i * 365 // 2000), dice) for i in range(2000)]
write("customers.csv", COLUMNS, rows)
later = [customer(2000 + i, start + dt.timedelta(days=365 + i // 10), dice) for i in range(300)]
write("new_customers.csv", COLUMNS[:-1], [row[:-1] for row in later])
write("outcomes.csv", ["customer_id", "churned"], [[row[0], row[-1]] for row in later])
