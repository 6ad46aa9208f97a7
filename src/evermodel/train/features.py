"""The graph's front: raw blocks to the features of tree and of linear models."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from evermodel.bundle import Blocks
from evermodel.bundle.blocks import MISSING_TIME
from evermodel.bundle.model import open_session
from evermodel.records import Task
from evermodel.train.graph import GraphBuilder
from evermodel.train.prepare import (
    DAYS_BEFORE_1970,
    LARGEST,
    MICROS_PER_DAY,
    SEEN_AT_LEAST,
    CategoryFeature,
    Preparation,
    TimeFeature,
    encode_by_earlier,
    encode_by_target,
    target_columns,
    word_codes,
)
from evermodel.train.split import Crossing

__all__ = ["Features", "add_features", "feature_matrices"]

_CYCLES = {"hour": 24.0, "weekday": 7.0, "month": 12.0, "day of year": 366.0}


class Features:
    """Names of the two feature tensors in a graph, and what their columns mean.

    `tree` is float32 [N, F] with NaN for missing; `linear` float32 [N, G] is filled and scaled.
    `crossed` tells where target encodings stand: (category, first tree column, first linear one).
    """

    def __init__(self) -> None:
        self.tree = ""
        self.linear = ""
        self.tree_names: list[str] = []
        self.linear_names: list[str] = []
        self.crossed: list[tuple[CategoryFeature, int, int]] = []


def add_features(graph: GraphBuilder, preparation: Preparation) -> Features:
    """Add the nodes that prepare raw blocks, and return the names of their results."""
    features = Features()
    tree: list[str] = []
    linear: list[str] = []
    widths = preparation.widths
    if widths[0]:
        graph.input("numbers", TensorProto.DOUBLE, widths[0])
    if widths[1]:
        graph.input("strings", TensorProto.STRING, widths[1])
    if widths[2]:
        graph.input("times", TensorProto.INT64, widths[2])
    if preparation.numbers:
        _add_numbers(graph, preparation, features, tree, linear)
    for category in preparation.categories:
        _add_category(graph, category, features, tree, linear)
    for time in preparation.times:
        _add_time(graph, time, features, tree, linear)
    features.tree = _joined(graph, tree)
    features.linear = _joined(graph, linear)
    return features


def _joined(graph: GraphBuilder, tensors: list[str]) -> str:
    return tensors[0] if len(tensors) == 1 else graph.add("Concat", tensors, axis=1)


def _floats(values: Any) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def _add_numbers(
    graph: GraphBuilder,
    preparation: Preparation,
    features: Features,
    tree: list[str],
    linear: list[str],
) -> None:
    items = preparation.numbers
    raw = "numbers"
    if [item.index for item in items] != list(range(preparation.widths[0])):
        chosen = graph.constant(np.array([item.index for item in items], dtype=np.int64))
        raw = graph.add("Gather", [raw, chosen], axis=1)
    if any(item.offset for item in items):
        raw = graph.add("Sub", [raw, graph.constant(np.array([item.offset for item in items]))])
    bounds = [graph.constant(np.array(-LARGEST)), graph.constant(np.array(LARGEST))]
    value = graph.add("Cast", [graph.add("Clip", [raw, *bounds])], to=TensorProto.FLOAT)
    tree.append(value)
    features.tree_names += [item.name for item in items]
    missing = graph.add("IsNaN", [value])
    shaped = value
    if any(item.scale for item in items):
        scale = graph.constant(_floats([item.scale or 1.0 for item in items]))
        size = graph.add("Div", [graph.add("Abs", [value]), scale])
        log = graph.add("Log", [graph.add("Add", [size, graph.constant(_floats(1.0))])])
        signed = graph.add("Mul", [graph.add("Sign", [value]), log])
        skewed = graph.constant(np.array([bool(item.scale) for item in items]))
        shaped = graph.add("Where", [skewed, signed, value])
    filled = graph.add(
        "Where", [missing, graph.constant(_floats([item.fill for item in items])), shaped]
    )
    low = graph.constant(_floats([item.low for item in items]))
    high = graph.constant(_floats([item.high for item in items]))
    bounded = graph.add("Min", [graph.add("Max", [filled, low]), high])
    centred = graph.add("Sub", [bounded, graph.constant(_floats([i.mean for i in items]))])
    scaled = graph.add("Div", [centred, graph.constant(_floats([i.deviation for i in items]))])
    linear.append(scaled)
    features.linear_names += [item.name for item in items]
    flagged = [i for i, item in enumerate(items) if item.flag]
    if flagged:
        chosen = graph.constant(np.array(flagged, dtype=np.int64))
        flags = graph.add("Gather", [missing, chosen], axis=1)
        linear.append(graph.add("Cast", [flags], to=TensorProto.FLOAT))
        features.linear_names += [f"{items[i].name} is missing" for i in flagged]


def _column(graph: GraphBuilder, block: str, index: int) -> str:
    return graph.add("Gather", [block, graph.constant(np.array([index], dtype=np.int64))], axis=1)


def _add_category(
    graph: GraphBuilder,
    item: CategoryFeature,
    features: Features,
    tree: list[str],
    linear: list[str],
) -> None:
    raw = _column(graph, "strings", item.index)
    if item.kind == "target":
        _add_encoded(graph, item, raw, features, tree, linear)
        return
    keys = list(item.values)
    if item.kind == "pair":
        # A word never seen stands half way: it tells nothing either way.
        value = graph.add(
            "LabelEncoder", [raw], keys_strings=keys, values_floats=[0.0, 1.0], default_float=0.5
        )
        names = [f"{item.name} = {item.values[1]}"]
    else:
        pooled = item.width - 1 if item.width > len(keys) else -1
        code = graph.add(
            "LabelEncoder",
            [raw],
            keys_strings=keys,
            values_int64s=list(item.codes),
            default_int64=pooled,
        )
        known = graph.constant(np.arange(item.width, dtype=np.int64))
        value = graph.add("Cast", [graph.add("Equal", [code, known])], to=TensorProto.FLOAT)
        names = [f"{item.name} = {word}" for word in keys]
        names += [f"{item.name} is rare"] if pooled >= 0 else []
    tree.append(value)
    linear.append(value)
    features.tree_names += names
    features.linear_names += names


def _add_encoded(
    graph: GraphBuilder,
    item: CategoryFeature,
    raw: str,
    features: Features,
    tree: list[str],
    linear: list[str],
) -> None:
    row = graph.add(
        "LabelEncoder",
        [raw],
        keys_strings=list(item.values),
        values_int64s=list(range(len(item.values))),
        default_int64=len(item.values),
    )
    table = graph.constant(_floats([*item.encodings, item.unseen]))
    gathered = graph.add("Gather", [table, row], axis=0)
    shape = graph.constant(np.array([-1, item.width], dtype=np.int64))
    value = graph.add("Reshape", [gathered, shape])
    features.crossed.append((item, len(features.tree_names), len(features.linear_names)))
    tree.append(value)
    mean, deviation = _scaling(item)
    centred = graph.add("Sub", [value, graph.constant(_floats(mean))])
    linear.append(graph.add("Div", [centred, graph.constant(_floats(deviation))]))
    names = [f"{item.name}: target mean {i + 1}" for i in range(item.width - 1)]
    features.tree_names += [*names, f"{item.name}: log rows"]
    features.linear_names += [*names, f"{item.name}: log rows"]


def _scaling(item: CategoryFeature) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of the encodings, over words."""
    encodings = np.array([*item.encodings, item.unseen])
    deviation = encodings.std(axis=0)
    deviation[deviation < 1e-9] = 1.0
    return encodings.mean(axis=0), deviation


def _add_time(
    graph: GraphBuilder, item: TimeFeature, features: Features, tree: list[str], linear: list[str]
) -> None:
    """Add calendar parts by whole-number arithmetic (Hinnant's civil-date algorithm)."""

    def whole(value: int) -> str:
        return graph.constant(np.array(value, dtype=np.int64))

    def op(name: str, a: str, b: str) -> str:
        return graph.add(name, [a, b])

    raw = _column(graph, "times", item.index)
    missing = graph.add("Equal", [raw, whole(MISSING_TIME)])
    micros = graph.add("Where", [missing, whole(item.origin), raw])
    shifted = op("Add", micros, whole(DAYS_BEFORE_1970 * MICROS_PER_DAY))
    day_number = op("Div", shifted, whole(MICROS_PER_DAY))
    within = op("Sub", shifted, op("Mul", day_number, whole(MICROS_PER_DAY)))
    era = op("Mod", day_number, whole(146_097))
    leap = op("Sub", era, op("Div", era, whole(1460)))
    leap = op("Add", leap, op("Div", era, whole(36_524)))
    year = op("Div", op("Sub", leap, op("Div", era, whole(146_096))), whole(365))
    year_days = op("Add", op("Mul", year, whole(365)), op("Div", year, whole(4)))
    year_days = op("Sub", year_days, op("Div", year, whole(100)))
    since_march = op("Sub", era, year_days)
    turned = op("Div", op("Add", op("Mul", since_march, whole(5)), whole(2)), whole(153))
    month_days = op("Div", op("Add", op("Mul", turned, whole(153)), whole(2)), whole(5))
    spring = graph.add("Less", [turned, whole(10)])
    month = graph.add("Where", [spring, op("Add", turned, whole(3)), op("Sub", turned, whole(9))])
    fourth = op("Equal", op("Mod", year, whole(4)), whole(0))
    century = op("Equal", op("Mod", year, whole(100)), whole(0))
    usual = op("Or", graph.add("Not", [century]), op("Equal", year, whole(0)))
    leap = graph.add("Cast", [op("And", fourth, usual)], to=TensorProto.INT64)
    after = op("Add", op("Add", since_march, whole(60)), leap)
    day_of_year = graph.add("Where", [spring, after, op("Sub", since_march, whole(305))])
    found = {
        "days": _ratio(graph, op("Sub", micros, whole(item.origin)), MICROS_PER_DAY),
        "hour": _ratio(graph, within, 3_600_000_000),
        "weekday": op("Mod", op("Add", day_number, whole(2)), whole(7)),
        "day": op("Add", op("Sub", since_march, month_days), whole(1)),
        "month": month,
        "day of year": day_of_year,
    }
    columns = [graph.add("Cast", [found[part]], to=TensorProto.FLOAT) for part in item.parts]
    value = _joined(graph, columns)
    tree.append(graph.add("Where", [missing, graph.constant(_floats(np.nan)), value]))
    features.tree_names += [f"{item.name}: {part}" for part in item.parts]
    centred = graph.add("Sub", [value, graph.constant(_floats(item.mean))])
    scaled = graph.add("Div", [centred, graph.constant(_floats(item.deviation))])
    linear.append(_unless(graph, missing, scaled))
    features.linear_names += [f"{item.name}: {part}" for part in item.parts]
    if item.flag:
        linear.append(graph.add("Cast", [missing], to=TensorProto.FLOAT))
        features.linear_names.append(f"{item.name} is missing")
    for part, column in zip(item.parts, columns, strict=True):
        if part in _CYCLES:
            turn = graph.constant(_floats(2 * np.pi / _CYCLES[part]))
            angle = graph.add("Mul", [column, turn])
            waves = [graph.add(wave, [angle]) for wave in ("Sin", "Cos")]
            linear += [_unless(graph, missing, level) for level in waves]
            features.linear_names += [f"{item.name}: sin {part}", f"{item.name}: cos {part}"]


def _unless(graph: GraphBuilder, missing: str, value: str) -> str:
    """Return the value, 0 where it is missing."""
    return graph.add("Where", [missing, graph.constant(_floats(0.0)), value])


def _ratio(graph: GraphBuilder, whole: str, divisor: int) -> str:
    exact = graph.add("Cast", [whole], to=TensorProto.DOUBLE)
    return graph.add("Div", [exact, graph.constant(np.array(float(divisor)))])


def feature_matrices(
    preparation: Preparation,
    blocks: Blocks,
    y: NDArray[Any] | None = None,
    crossing: Crossing | None = None,
    *,
    task: Task = "binary",
    classes: int = 2,
) -> tuple[NDArray[np.float32], NDArray[np.float32], Features]:
    """Return the matrices of tree and linear features by running the graph.

    With `y` and `crossing` (training rows), each row's target encodings come from the rows that may
    tell about it, so that a model cannot read its own target: of other folds (Micci-Barreca 2001),
    or forward in time of earlier rows (Prokhorenkova et al. 2018, "CatBoost", ordered statistics).
    """
    graph = GraphBuilder()
    features = add_features(graph, preparation)
    content = graph.build(
        {
            "tree": (features.tree, TensorProto.FLOAT, ("N", len(features.tree_names))),
            "linear": (features.linear, TensorProto.FLOAT, ("N", len(features.linear_names))),
        }
    )
    session = open_session(content, threads=0)
    tree, linear = (np.array(part) for part in session.run(["tree", "linear"], blocks.feed()))
    if y is not None and crossing is not None:
        goals = target_columns(y, task, classes)
        for item, tree_at, linear_at in features.crossed:
            codes = word_codes(blocks.strings[:, item.index], item.values)
            mean, deviation = _scaling(item)
            fresh = _crossed(codes, item, goals, crossing).astype(np.float32)
            width = fresh.shape[1]
            tree[:, tree_at : tree_at + width] = fresh
            linear[:, linear_at : linear_at + width] = (fresh - mean[:width]) / deviation[:width]
    return tree, linear, features


def _crossed(
    codes: NDArray[np.intp], item: CategoryFeature, goals: NDArray[np.float64], crossing: Crossing
) -> NDArray[np.float64]:
    """Return the encodings of each row's value, by the rows that may tell about the row.

    Those are mean goals [N, G] and, in time, the log of the value's rows beside them: how many
    rows a value has in the end tells what becomes of it, such as a device that fails and has no
    more. Without time the count is that of all rows, as it is once a model is live.
    """
    if crossing.moments is not None and crossing.until is not None:
        means, rows = encode_by_earlier(codes, goals, crossing.moments, crossing.until)
        # As a share of all rows known by then: a count that grows would tell the time instead.
        known = np.searchsorted(np.sort(crossing.moments), crossing.until, "right")
        scaled = rows * (len(codes) / np.maximum(known, 1))
        few = (rows < SEEN_AT_LEAST) | (codes == len(item.values))
        return np.column_stack([means, np.where(few, item.unseen[-1], np.log1p(scaled))])
    size = len(item.values) + 1
    folds = np.asarray(crossing.folds)
    found = np.empty((len(codes), goals.shape[1]))
    for fold in np.unique(folds):
        inside = folds == fold
        table, _ = encode_by_target(codes[~inside], size, goals[~inside])
        found[inside] = table[codes[inside]]
    return found
