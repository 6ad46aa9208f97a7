"""Personal data: where they stand, and hashes in their place."""

from evermodel.data.personal.scan import personal_data

__all__ = ["personal_data"]
