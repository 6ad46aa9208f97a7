"""LightGBM models as one ONNX tree ensemble, exact in their decisions.

Own code, because it is shorter and exact: features are float32, so each split threshold is rounded
*down* to float32 (x <= t holds for the same float32 x), and the way of missing values is written
out for each of LightGBM's three kinds. Only sums of leaves are rounded: the operator adds in
float32, so the mean is taken out first, and groups of trees are added to one another in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from evermodel.train.graph import GraphBuilder

__all__ = ["add_trees", "round_down", "split_thresholds"]

_TREES_A_NODE = 256
_ZERO = 1.0000000180025095e-35
"""LightGBM's kZeroThreshold: what is not further from zero than this is zero."""


def round_down(value: float) -> float:
    """Return the largest float32 that is not above `value`.

    Examples
    --------
    >>> round_down(0.1) <= 0.1
    True
    """
    if -_ZERO <= value < 0:
        # LightGBM predicts with numbers this small as zero: they lie above such a threshold.
        return float(np.nextafter(np.float32(-_ZERO), np.float32(-np.inf)))
    with np.errstate(over="ignore"):  # 1e300 is LightGBM's threshold between missing and the rest
        near = np.float32(value)
    if float(near) > value:
        near = np.nextafter(near, np.float32(-np.inf))
    return float(near)


class _Ensemble:
    """The flat lists that the operator wants."""

    def __init__(self) -> None:
        self.nodes: dict[str, list[Any]] = {
            name: []
            for name in (
                "treeids", "nodeids", "featureids", "modes", "values", "truenodeids",
                "falsenodeids", "missing_value_tracks_true",
            )
        }  # fmt: skip
        self.targets: dict[str, list[Any]] = {
            name: [] for name in ("treeids", "nodeids", "ids", "weights")
        }

    def grow(self, tree: int, target: int, root: dict[str, Any], shift: float) -> None:
        """Add one tree, its nodes numbered in order, `shift` taken off its leaves."""
        pending: list[tuple[dict[str, Any], int]] = [(root, 0)]
        count = 1
        while pending:
            node, number = pending.pop()
            if "split_index" not in node:
                self._leaf(tree, number, target, float(node["leaf_value"]) - shift)
                continue
            left, right = count, count + 1
            count += 2
            self._branch(tree, number, node, left, right)
            pending += [(node["right_child"], right), (node["left_child"], left)]

    def add(self, graph: GraphBuilder, features: str, targets: int) -> str:
        """Add the operator and return its sums, float32 [N, targets]."""
        attributes = {f"nodes_{name}": values for name, values in self.nodes.items()}
        attributes |= {f"target_{name}": values for name, values in self.targets.items()}
        return graph.add(
            "TreeEnsembleRegressor",
            [features],
            n_targets=targets,
            aggregate_function="SUM",
            post_transform="NONE",
            **attributes,
        )

    def _branch(self, tree: int, number: int, node: dict[str, Any], left: int, right: int) -> None:
        if node["decision_type"] != "<=":
            raise ValueError(f"a split of kind {node['decision_type']!r} has no exact conversion")
        threshold = float(node["threshold"])
        # Where no value was missing in training, LightGBM reads a missing one as zero.
        goes_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
        row = (
            tree, number, node["split_feature"], "BRANCH_LEQ", round_down(threshold), left, right,
            int(goes_left),
        )  # fmt: skip
        for name, value in zip(self.nodes, row, strict=True):
            self.nodes[name].append(value)

    def _leaf(self, tree: int, number: int, target: int, value: float) -> None:
        row = (tree, number, 0, "LEAF", 0.0, 0, 0, 0)
        for name, entry in zip(self.nodes, row, strict=True):
            self.nodes[name].append(entry)
        for name, entry in zip(self.targets, (tree, number, target, value), strict=True):
            self.targets[name].append(entry)


def add_trees(graph: GraphBuilder, features: str, booster: Any) -> str:
    """Add a LightGBM booster; return its raw margins, float64 [N, targets].

    Parameters
    ----------
    graph : GraphBuilder
    features : str
        Tensor float32 [N, F] in the order the booster was trained on.
    booster : lightgbm.Booster

    Raises
    ------
    ValueError
        When a split is of a kind that cannot be converted exactly.
    """
    dump = booster.dump_model()
    targets = int(dump["num_tree_per_iteration"])
    trees = dump["tree_info"]
    base = np.zeros(targets)
    for info in trees[:targets]:
        # The first round holds the mean: taken out, it costs the sum of the others no digits.
        base[int(info["tree_index"]) % targets] = _mean_leaf(info["tree_structure"])
    total = graph.constant(base)
    for start in range(0, len(trees), _TREES_A_NODE * targets):
        ensemble = _Ensemble()
        for number, info in enumerate(trees[start : start + _TREES_A_NODE * targets]):
            target = int(info["tree_index"]) % targets
            shift = base[target] if start + number < targets else 0.0
            ensemble.grow(number, target, info["tree_structure"], shift)
        part = graph.add("Cast", [ensemble.add(graph, features, targets)], to=TensorProto.DOUBLE)
        total = graph.add("Add", [part, total])
    return total


def _mean_leaf(root: dict[str, Any]) -> float:
    """Return the mean of a tree's leaves, weighted by their training rows."""
    pending, total, rows = [root], 0.0, 0.0
    while pending:
        node = pending.pop()
        if "split_index" in node:
            pending += [node["left_child"], node["right_child"]]
            continue
        count = float(node.get("leaf_count", 1) or 1)
        total, rows = total + count * float(node["leaf_value"]), rows + count
    return total / rows


def split_thresholds(booster: Any, features: int) -> list[NDArray[np.float32]]:
    """Return for each feature the float32 thresholds at which the trees split, sorted."""
    found: list[set[float]] = [set() for _ in range(features)]
    for info in booster.dump_model()["tree_info"]:
        pending = [info["tree_structure"]]
        while pending:
            node = pending.pop()
            if "split_index" in node:
                found[node["split_feature"]].add(round_down(float(node["threshold"])))
                pending += [node["left_child"], node["right_child"]]
    return [np.array(sorted(values), dtype=np.float32) for values in found]
