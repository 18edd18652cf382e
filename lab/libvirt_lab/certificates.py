"""Certificates for libvirt's TLS transport, valid for this lab alone."""

from __future__ import annotations

from pathlib import Path

import trustme


def certificates(folder: Path) -> Path:
    """The folder, made, with an authority and what a server on 127.0.0.1 and a client need.

    The file names are those that ``?pkipath=`` looks for.
    """
    folder.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "cacert.pem"))
    for owner, names in (("server", ("127.0.0.1", "localhost")), ("client", ("client.lab.test",))):
        issued = authority.issue_cert(*names)
        issued.private_key_pem.write_to_path(str(folder / f"{owner}key.pem"))
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{owner}cert.pem"))
    return folder
