"""One sandbox for the run, as it was at the start for each test."""

import datetime as dt
from ipaddress import ip_address as ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.sandbox.control import Control
from tests.sandbox.receiver import receiving
from worksphere_hub.sandbox.serve import Binding, running_sandbox


@pytest.fixture(scope="session")
def served():
    with running_sandbox() as running, Control(running) as control:
        yield control


@pytest.fixture
def sandbox(served):
    served.reset()
    return served


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="session")
def served_by_tls(certificate):
    """A port for each provider and TLS on it, as some SDKs insist."""
    binding = Binding(port=0, split=True, certificate=certificate[0], key=certificate[1])
    with running_sandbox(binding=binding) as running, Control(running) as control:
        yield control


@pytest.fixture
def tls_sandbox(served_by_tls):
    served_by_tls.reset()
    return served_by_tls


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found
