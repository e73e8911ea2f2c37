"""Kills parts of what a job needs, for some minutes: only where it is asked for."""

from __future__ import annotations

from tests.stack.conftest import kafka, own_stack, stack_folder

__all__ = ["kafka", "own_stack", "stack_folder"]
