"""A listing of the hub's own is a connector by code when there is a folder of its name."""

from worksphere_hub.catalog.connectors import connector_folder


def test_a_folder_is_found_by_the_slug(tmp_path):
    (tmp_path / "google_drive").mkdir()
    (tmp_path / "file").touch()
    assert connector_folder("google-drive", tmp_path) == tmp_path / "google_drive"
    assert connector_folder("slack", tmp_path) is None
    assert connector_folder("file", tmp_path) is None
    assert connector_folder("no-such-connector") is None
