"""The segment language: parse a condition, judge users by it, and say why."""
