"""Checks of portraits by models of the user's: one file each.

A module has a dataclass `Config` and `connect(config)`, which gives an object with `see` and `faults`
(`generator.backends.Check`).
"""
