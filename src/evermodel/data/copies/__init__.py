"""Rows that stand in a table more than once, word for word or nearly."""
