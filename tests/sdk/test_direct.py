"""What a direct connector is handed: a context that verifies the name it was made for, whatever a driver says."""

import ssl

import pytest

from tests.connectors.databases import LocalApi, certify
from tests.sdk.scripted import ScriptedApi
from worksphere_hub.sdk.direct import context, direct
from worksphere_hub.sdk.errors import BadSettings, Unexpected


def test_off_is_nothing_and_the_rest_is_as_strict_as_it_says():
    assert context("db.example", "off") is None
    strict, blind = context("db.example", "verify"), context("db.example", "encrypt")
    assert strict is not None
    assert blind is not None
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (blind.verify_mode, blind.check_hostname) == (ssl.CERT_NONE, False)
    assert strict.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_authorities_stand_in_place_of_the_systems_and_have_to_be_certificates():
    authority, _, _ = certify("db.example")
    found = context("db.example", "verify", authority)
    assert found is not None
    assert len(found.get_ca_certs()) == 1
    with pytest.raises(BadSettings, match="PEM"):
        context("db.example", "verify", "nonsense")


@pytest.mark.parametrize(("name", "fits"), [("db.example", True), ("other.example", False)])
def test_the_name_that_is_verified_is_the_hosts_and_not_the_address_that_a_driver_knows(tmp_path, name, fits):
    authority, certificate, key = certify("db.example")
    (tmp_path / "both.pem").write_text(certificate + key)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "both.pem")
    made = context(name, "verify", authority)
    assert made is not None
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = made.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    server = served.wrap_bio(to_server, to_client, server_side=True)

    def shake():
        for _ in range(10):
            for each in (client, server):
                try:
                    each.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        return client.version()

    if fits:
        assert shake() == "TLSv1.3"
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            shake()


def test_only_what_is_handed_out_as_direct_is_used_so():
    api = LocalApi({})
    assert direct(api) is api
    with pytest.raises(Unexpected):
        direct(ScriptedApi(lambda _: (200, {})))
