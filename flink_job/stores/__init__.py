"""Stores: views of the changelog that answer questions about users and segments."""
