"""The world to attack."""

from taught import one_thread, world  # noqa: F401
