"""Signed-distance-field renderer shared by the portraits and the object scenes (numba; imported when it renders)."""
