"""Whom the data represent, and how groups of people differ in them: the four questions in one."""

from evermodel.data.groups.proxies import proxies
from evermodel.data.groups.rates import label_rate_by_group, missingness_by_group
from evermodel.data.groups.representation import shares

__all__ = ["label_rate_by_group", "missingness_by_group", "proxies", "shares"]
