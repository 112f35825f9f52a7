"""The sandbox process and the office on it, for every test of this directory."""

from tests.rooms.spiders.office import open_office, start_platform

__all__ = ["open_office", "start_platform"]
