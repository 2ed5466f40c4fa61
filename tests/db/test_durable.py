"""A small file is replaced whole; that it outlives a power cut is shown by tests/chaos/test_power_loss.py."""

import pytest

from worksphere_hub.db.durable import write_durably


def test_a_file_is_written_with_its_mode_and_replaced(tmp_path):
    file = tmp_path / "secrets.json"
    write_durably(file, "one", mode=0o600)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("one", 0o600)
    write_durably(file, "two", mode=0o600)
    assert file.read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


def test_what_cannot_replace_it_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_durably(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
