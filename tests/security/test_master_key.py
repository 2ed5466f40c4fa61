import base64
import os
import pickle
from pathlib import Path

import pytest

from worksphere_hub.security.master_key import (
    MasterKey,
    MasterKeyMissing,
    MasterKeyRefused,
    MasterKeys,
    create_master_key_file,
    load_master_keys,
)

SECRET = bytes(range(32))
TEXT = base64.b64encode(SECRET).decode()
posix_only = os.name == "posix"


def test_names_and_check_values_are_stable_and_differ_between_keys():
    key, other = MasterKey(SECRET), MasterKey(os.urandom(32))
    assert key.kek_id == MasterKey(SECRET).kek_id == "kek_" + key.derive("id")[:8].hex()
    assert key.kcv == MasterKey(SECRET).kcv
    assert len({key.kek_id, other.kek_id}) == len({key.kcv, other.kcv}) == 2


def test_derived_keys_differ_by_label_and_from_the_key():
    key = MasterKey(SECRET)
    assert len({key.derive("a"), key.derive("b"), key.secret}) == 3
    assert len(key.derive("a")) == 32


def test_a_key_shows_itself_nowhere():
    key = MasterKey(SECRET)
    assert repr(SECRET) not in repr(key)
    assert SECRET.hex() not in repr(MasterKeys(key))
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_file_round_trip(tmp_path: Path):
    path = tmp_path / "deep" / "master.key"
    key = create_master_key_file(path)
    assert load_master_keys(path=path).current == key
    assert list(path.parent.iterdir()) == [path]
    if posix_only:
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_file_is_never_overwritten(tmp_path: Path):
    path = tmp_path / "master.key"
    key = create_master_key_file(path)
    with pytest.raises(MasterKeyRefused, match="exists already"):
        create_master_key_file(path)
    assert load_master_keys(path=path).current == key
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666, 0o610])
def test_a_file_that_others_can_touch_is_refused_with_the_cure(tmp_path: Path, mode):
    path = tmp_path / "master.key"
    create_master_key_file(path)
    path.chmod(mode)
    if posix_only:
        with pytest.raises(MasterKeyRefused, match=f"{mode:04o}.*chmod 600"):
            load_master_keys(path=path)


def test_text_wins_over_a_file_and_older_keys_come_from_either(tmp_path: Path):
    path = tmp_path / "master.key"
    old = create_master_key_file(path)
    keys = load_master_keys(text=f" {TEXT}\n", path=path, older=[path, base64.b64encode(os.urandom(32)).decode()])
    assert keys.current == MasterKey(SECRET)
    assert keys.older[0] == old
    assert len(keys.older) == 2


def test_finding_a_key_by_name():
    keys = MasterKeys(MasterKey(os.urandom(32)), (MasterKey(SECRET),))
    assert keys.find(keys.current.kek_id) is keys.current
    assert keys.find(MasterKey(SECRET).kek_id).secret == SECRET
    with pytest.raises(MasterKeyMissing, match="kek_absent"):
        keys.find("kek_absent")


@pytest.mark.parametrize("size", [0, 1, 16, 31, 33, 64])
def test_a_wrong_length_is_refused(size):
    with pytest.raises(MasterKeyRefused, match=f"has {size}"):
        MasterKey(bytes(range(size)))


@pytest.mark.parametrize("secret", [bytes(32), b"k" * 32, b"changeme" * 4])
def test_a_placeholder_is_refused(secret):
    with pytest.raises(MasterKeyRefused, match="not random"):
        MasterKey(secret)


@pytest.mark.parametrize("text", ["not base64!", TEXT[:-1], base64.b64encode(bytes(range(16))).decode(), "\u00e9"])
def test_unusable_text_is_refused_without_repeating_it(text):
    with pytest.raises(MasterKeyRefused) as refusal:
        load_master_keys(text=text)
    assert text not in str(refusal.value)
    with pytest.raises(MasterKeyRefused, match="older"):
        load_master_keys(text=TEXT, older=[text])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"A" * 5000, TEXT.encode() * 2])
def test_an_unusable_file_is_refused_by_name(tmp_path: Path, content):
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MasterKeyRefused, match=str(path)):
        load_master_keys(path=path)


def test_no_key_at_all_is_an_error_never_plaintext(tmp_path: Path):
    for arguments in ({}, {"text": ""}, {"path": tmp_path / "absent"}):
        with pytest.raises(MasterKeyMissing):
            load_master_keys(**arguments)
    with pytest.raises(MasterKeyRefused, match="cannot be read"):
        load_master_keys(path=tmp_path)
