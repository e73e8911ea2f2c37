"""Stores: views of the changelog that answer questions about users and segments.

A new kind of store is its spec in `flink_job/config/store.py`, a module here with the store (a
`base.Store`) and an `open_store`, and a line in `opening.py`.
"""
