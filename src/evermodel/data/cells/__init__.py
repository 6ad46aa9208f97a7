"""Cells that are probably wrong, found without configuration and better with 20 marked rows."""

from evermodel.data.cells.claims import Cell
from evermodel.data.cells.learning import learn, pick_rows
from evermodel.data.cells.suspect import suspect_cells

__all__ = ["Cell", "learn", "pick_rows", "suspect_cells"]
