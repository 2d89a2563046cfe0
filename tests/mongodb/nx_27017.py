"""Starts nx-27017, which speaks MongoDB's protocol and keeps its data in SQLite files.

Two of its faults would get in the way of every store, and are worked around:
- Its fast way to update a document writes a date as a text. It has a slow way too, and a switch for it.
- It cannot make an index that has `_id` in it. The index is made without that field.
"""

import sys

from neosqlite.collection import index_manager
from neosqlite.collection.query_helper import set_force_fallback
from nx_27017 import nx_27017

set_force_fallback(True)

create_index = index_manager.IndexManager.create_index


def without_id(self, key, *rest, **options):
    kept = [field for field in key if field[0] != "_id"]
    return create_index(self, kept or key, *rest, **options)


index_manager.IndexManager.create_index = without_id

if __name__ == "__main__":
    sys.argv[0] = "nx-27017"
    nx_27017.main()
