"""Registration: a candidate is copied, named, signed and described; then it is a version."""

from evermodel.register.card import model_card
from evermodel.register.registration import next_number, register, versions

__all__ = ["model_card", "next_number", "register", "versions"]
