"""Encryption, signatures and keyed hashes under one master key. Keeps no state and never prints a key."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import NotConfigured

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = b"\x01"  # first byte of every ciphertext, so that a later format can be told apart


class Vault:
    """AES-256-GCM for secrets, HMAC-SHA-256 for signatures and hashes; each use has a key of its own (HKDF)."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) < KEY_BYTES:
            raise NotConfigured(f"主密钥至少需要 {KEY_BYTES} 字节")
        self._master = master_key
        self._cipher = AESGCM(self._derive("encrypt"))

    @classmethod
    def open(cls, path: Path, create: bool = False) -> Vault:
        """Read the master key file, or write one (mode 0600) when `create`; NotConfigured if it cannot be used."""
        if create and not path.exists():
            _write_key(path)
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            key = bytes.fromhex(path.read_text("ascii").strip())
        except FileNotFoundError:
            raise NotConfigured(f"主密钥文件不存在：{path}。请先运行 wenzheng init") from None
        except (OSError, ValueError):
            raise NotConfigured(f"主密钥文件无法读取：{path}") from None
        if mode & 0o077:
            raise NotConfigured(f"主密钥文件的权限过宽（{mode:o}），请改为 600：{path}")
        return cls(key)

    def encrypt(self, plain: bytes) -> bytes:
        """Format byte, nonce, ciphertext with tag."""
        nonce = os.urandom(NONCE_BYTES)
        return FORMAT + nonce + self._cipher.encrypt(nonce, plain, FORMAT)

    def decrypt(self, sealed: bytes) -> bytes:
        """The plain bytes; NotConfigured when they were sealed under another key or changed."""
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            if sealed[:1] != FORMAT:
                raise InvalidTag
            return self._cipher.decrypt(nonce, body, FORMAT)
        except (InvalidTag, ValueError):
            raise NotConfigured("密文无法用当前主密钥解开：主密钥可能已更换，请重新填写凭据") from None

    def encrypt_json(self, content: dict[str, Any]) -> bytes:
        """Seal a JSON object."""
        return self.encrypt(json.dumps(content, ensure_ascii=False, sort_keys=True).encode())

    def decrypt_json(self, sealed: bytes) -> dict[str, Any]:
        """Open a JSON object sealed by `encrypt_json`."""
        content: dict[str, Any] = json.loads(self.decrypt(sealed))
        return content

    def sign(self, purpose: str, text: str) -> str:
        """Hex HMAC over the text; a signature for one purpose is worth nothing for another."""
        return self._mac("sign", purpose, text)

    def verify(self, purpose: str, text: str, signature: str) -> bool:
        """Whether `signature` was made by `sign`; compared in constant time."""
        return hmac.compare_digest(self.sign(purpose, text).encode(), signature.encode("utf-8", "replace"))

    def digest(self, purpose: str, text: str) -> str:
        """Keyed hash (hex) for people who must be told apart but not known: authors, visitors."""
        return self._mac("digest", purpose, text)

    def derived(self, purpose: str) -> bytes:
        """32 bytes for a library that needs a key of its own, e.g. the session cookie's."""
        return self._derive(f"derived:{purpose}")

    def _mac(self, use: str, purpose: str, text: str) -> str:
        return hmac.new(
            self._derive(f"{use}:{purpose}"), text.encode("utf-8", "surrogatepass"), hashlib.sha256
        ).hexdigest()

    def _derive(self, use: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=b"wenzheng", info=use.encode()).derive(self._master)

    def __repr__(self) -> str:
        return "Vault(…)"


def _write_key(path: Path) -> None:
    """Write a fresh key beside the place and link it there: of two processes that start at once, one wins whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_hex(KEY_BYTES).encode())
        os.fsync(handle)
        os.close(handle)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
