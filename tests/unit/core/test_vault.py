"""Sealing, signing and hashing under one master key."""

import os
import threading

import pytest

from core.errors import NotConfigured
from core.vault import Vault

VAULT = Vault(b"m" * 32)


def test_what_is_sealed_can_be_opened_and_looks_different_each_time():
    first, second = VAULT.encrypt(b"secret"), VAULT.encrypt(b"secret")
    assert first != second
    assert b"secret" not in first
    assert VAULT.decrypt(first) == VAULT.decrypt(second) == b"secret"
    assert VAULT.decrypt_json(VAULT.encrypt_json({"密": 1})) == {"密": 1}


@pytest.mark.parametrize("at", [0, 1, 13, -1])
def test_a_changed_byte_is_noticed(at):
    sealed = bytearray(VAULT.encrypt(b"secret"))
    sealed[at] ^= 1
    with pytest.raises(NotConfigured):
        VAULT.decrypt(bytes(sealed))


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x01" * 12, b"junk"])
def test_junk_cannot_be_opened(junk):
    with pytest.raises(NotConfigured):
        VAULT.decrypt(junk)


def test_another_key_opens_nothing_and_hashes_differently():
    other = Vault(b"n" * 32)
    with pytest.raises(NotConfigured):
        other.decrypt(VAULT.encrypt(b"secret"))
    assert other.digest("author", "1") != VAULT.digest("author", "1")


def test_a_signature_counts_for_its_purpose_and_text_only():
    signature = VAULT.sign("collector", "1700000000\n/client")
    assert VAULT.verify("collector", "1700000000\n/client", signature)
    assert not VAULT.verify("collector", "1700000001\n/client", signature)
    assert not VAULT.verify("other", "1700000000\n/client", signature)
    assert not VAULT.verify("collector", "1700000000\n/client", "签名")
    assert VAULT.digest("collector", "1700000000\n/client") != signature


def test_the_key_file_is_made_once_private_and_read_again(tmp_path):
    path = tmp_path / "deep" / "master.key"
    with pytest.raises(NotConfigured, match="init"):
        Vault.open(path)
    sealed = Vault.open(path, create=True).encrypt(b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Vault.open(path).decrypt(sealed) == b"x"
    assert Vault.open(path, create=True).decrypt(sealed) == b"x"
    assert os.listdir(path.parent) == ["master.key"]


def test_of_many_that_create_the_key_at_once_all_get_the_same(tmp_path):
    path = tmp_path / "master.key"
    start = threading.Barrier(8)
    digests: list[str] = []

    def run() -> None:
        start.wait()
        digests.append(Vault.open(path, create=True).digest("a", "b"))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 8
    assert len(set(digests)) == 1


@pytest.mark.parametrize("content", ["", "zz", "00" * 16])
def test_a_bad_key_file_is_refused(tmp_path, content):
    path = tmp_path / "master.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(NotConfigured):
        Vault.open(path)


def test_a_key_file_others_can_read_is_refused(tmp_path):
    path = tmp_path / "master.key"
    Vault.open(path, create=True)
    path.chmod(0o640)
    with pytest.raises(NotConfigured, match="640"):
        Vault.open(path)


def test_the_vault_does_not_show_its_key():
    assert "m" * 8 not in repr(VAULT)
