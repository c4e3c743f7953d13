"""A certificate authority for tests."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """Issues certificates into a folder. `ca` is the path of its own certificate."""

    def __init__(self, folder, name="test authority"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = self.common_name(name)
        builder = self.builder(self.name, self.key)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"),
            False,
        )
        builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self.pem(builder.sign(self.key, hashes.SHA256())))

    def issue(self, name, server=False):
        """Issues a certificate for `name`. Returns its path and the path of its key. A server's also names loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self.builder(self.common_name(name), key)
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if server:
            names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(self.pem(builder.sign(self.key, hashes.SHA256())))
        secret.touch(mode=0o600)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        secret.write_bytes(key.private_bytes(*form))
        return certificate, secret

    def builder(self, subject, key):
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().issuer_name(self.name).subject_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        begin, end = now - datetime.timedelta(hours=1), now + datetime.timedelta(days=1)
        return builder.not_valid_before(begin).not_valid_after(end)

    @staticmethod
    def common_name(name):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    @staticmethod
    def pem(certificate):
        return certificate.public_bytes(serialization.Encoding.PEM)
