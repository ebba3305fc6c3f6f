"""skops trees: whether the trees of a stranger's estimator point only at nodes and features that are there.

skops distrusts trees for a reason: scikit-learn's compiled code follows their node arrays without looking at bounds, so
a forged tree reads memory that is not its own, or never ends. All that is followed is therefore looked at before
anything is asked: children lie behind their parent and inside the array, features are ones that the estimator itself
checks rows for. What compiled code writes by a tree's word (GradientBoosting), or reads by more than its nodes
(categories of HistGradientBoosting), is not taken at all, nor are trees anywhere but in an estimator that checks rows.
"""

import gc
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ModelError

CHECKED = ("sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
# What no file brings along: it is named by a file, and lies in packages.
_ELSEWHERE = (type, ModuleType, FunctionType, str, bytes, int, float, complex, type(None))


def check_trees(model: Any, name: str) -> None:
    """Raise ModelError where a tree anywhere in the model could lead out of its arrays, or would be held by others."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
    from sklearn.tree._tree import Tree

    seen: dict[int, Any] = {}  # keeps what it has seen, so that no address comes twice
    ahead = [model]
    while ahead:
        each = ahead.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each
        checked: str | None = None
        if isinstance(each, DecisionTreeClassifier | DecisionTreeRegressor):
            checked = "tree_"
            if checked in vars(each):  # ensembles keep an estimator that has learnt nothing beside those that have
                _check_tree(each, name, Tree)
        elif isinstance(each, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
            checked = "_predictors"
            if checked in vars(each):
                _check_boosted(each, name, TreePredictor)
        elif isinstance(each, BaseGradientBoosting):
            raise _refused(name, f"{type(each).__name__} cannot be checked; send HistGradientBoosting, or .onnx")
        elif isinstance(each, Tree | TreePredictor):
            raise _refused(name, "a tree lies outside of an estimator that checks its rows")
        ahead.extend(_held(each, checked))


def _held(each: Any, checked: str | None) -> Iterator[Any]:
    """What an object holds, but for what was checked already."""
    if checked is not None:
        found: Any = [value for key, value in vars(each).items() if key != checked]
    elif isinstance(each, np.ndarray):
        found = each.ravel().tolist() if each.dtype.hasobject else []
    else:
        found = [*gc.get_referents(each), *getattr(each, "__dict__", {}).values()]
    return (one for one in found if not isinstance(one, _ELSEWHERE))


def _check_tree(estimator: Any, name: str, tree_type: type) -> None:
    _check_own(estimator, name)
    tree = vars(estimator).get("tree_")
    if type(tree) is not tree_type:
        raise _refused(name, "a decision tree has no nodes")
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)  # type: ignore[attr-defined]
    _check_nodes(left == -1, left, right, np.asarray(tree.feature), _features(estimator, name), name)  # type: ignore[attr-defined]


def _check_boosted(estimator: Any, name: str, tree_type: type) -> None:
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    _check_own(estimator, name)
    held = vars(estimator)
    mapper = held.get("_bin_mapper")
    categories = vars(mapper).get("is_categorical_") if type(mapper) is _BinMapper else None
    if type(categories) is not np.ndarray or held.get("_in_fit"):
        raise _refused(name, "a booster is not fitted")
    if held.get("_preprocessor") is not None or categories.any():
        raise _refused(name, "categories of HistGradientBoosting cannot be checked; encode them in a pipeline")
    _check_own(mapper, name)
    stages, features = held.get("_predictors"), _features(estimator, name)
    if type(stages) is not list or any(type(stage) is not list for stage in stages):
        raise _refused(name, "a booster is not fitted")
    for tree in (tree for stage in stages for tree in stage):
        nodes = vars(tree).get("nodes") if type(tree) is tree_type else None
        if type(nodes) is not np.ndarray or nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1:
            raise _refused(name, "a tree of a booster has no nodes")
        if nodes["is_categorical"].any():
            raise _refused(name, "categories of HistGradientBoosting cannot be checked; encode them in a pipeline")
        _check_own(tree, name)
        leaves = nodes["is_leaf"] != 0
        _check_nodes(leaves, nodes["left"], nodes["right"], nodes["feature_idx"], features, name)


def _check_nodes(
    leaves: NDArray[Any], left: NDArray[Any], right: NDArray[Any], feature: NDArray[Any], features: int, name: str
) -> None:
    """Children behind their parents mean that every way down ends, and ends inside."""
    inner = np.flatnonzero(~leaves)
    fine = len(leaves) > 0
    for child in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        fine &= bool(((child > inner) & (child < len(leaves))).all())
    fine &= bool(((feature[inner] >= 0) & (feature[inner] < features)).all())
    if not fine:
        raise _refused(name, "a tree points to nodes or features that are not there")


def _features(estimator: Any, name: str) -> int:
    """How many columns the estimator insists on; scikit-learn checks nothing where it does not say."""
    count = vars(estimator).get("n_features_in_")
    if type(count) is not int and not isinstance(count, np.integer):
        raise _refused(name, "a tree does not say how many features it has")
    return int(count)


def _check_own(each: Any, name: str) -> None:
    """A file may set any attribute, and one that hides a method could turn checks of rows off."""
    hidden = sorted(key for key in vars(each) if hasattr(type(each), key))
    if hidden:
        raise _refused(name, f"{type(each).__name__} has {hidden[0][:60]!r} of its own")


def _refused(name: str, why: str) -> ModelError:
    return ModelError(f"{name} is not loaded: {why}.")
