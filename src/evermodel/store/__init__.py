"""What a workspace keeps: the ledger, jobs, blobs, keys, and the mirror in MLflow."""

from evermodel.store.blobs import FolderBlobs, digest_of
from evermodel.store.clock import FixedClock, SystemClock, stamp
from evermodel.store.jobs import SqliteJobs
from evermodel.store.keys import Keys, key_id, verify
from evermodel.store.ledger import SqliteLedger
from evermodel.store.memory import MemoryJobs, MemoryLedger

__all__ = [
    "FixedClock",
    "FolderBlobs",
    "Keys",
    "MemoryJobs",
    "MemoryLedger",
    "SqliteJobs",
    "SqliteLedger",
    "SystemClock",
    "digest_of",
    "key_id",
    "stamp",
    "verify",
]
