"""Password rules and hashing (argon2id). Pure apart from randomness; knows no person and no page."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from core.ports import Problem

MIN_LENGTH = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without characters that look alike
_HASHER = PasswordHasher()


def check_password(username: str, password: str, field: str = "password") -> list[Problem]:
    """The password rules: at least ten characters, without the user name, at least four different characters."""
    problems = []
    if len(password) < MIN_LENGTH:
        problems.append(Problem(field, f"密码至少 {MIN_LENGTH} 个字符，请加长。"))
    if username.lower() in password.lower():
        problems.append(Problem(field, "密码不能包含用户名，请换一个。"))
    if len(set(password)) < 4:
        problems.append(Problem(field, "密码里不同的字符太少，请换一个。"))
    return problems


def random_password() -> str:
    """An initial password of 14 characters (about 80 bits); shown once and stored only as a hash."""
    return "".join(secrets.choice(ALPHABET) for _ in range(14))


def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return _HASHER.hash(password)


def verify(stored: str, password: str) -> bool:
    """True when the password gives the stored hash; takes the same time whether it does or not."""
    try:
        return _HASHER.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


NOBODY = hash_password(secrets.token_urlsafe(16))  # verified for unknown names, so that they take as long
