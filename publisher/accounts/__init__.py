"""The office's accounts (账号): settings, sealed credentials, on and off, and a test that sends nothing."""

from publisher.accounts.probes import TestResult, test_account
from publisher.accounts.records import FIELDS, Entry, create_account, has_secret, set_enabled, update_account

__all__ = [
    "FIELDS",
    "Entry",
    "TestResult",
    "create_account",
    "has_secret",
    "set_enabled",
    "test_account",
    "update_account",
]
