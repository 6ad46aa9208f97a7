"""Evermodel keeps machine-learning models right after day one."""
