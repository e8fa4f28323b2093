"""C2PA content credentials: a signed statement inside a PNG that it was generated, and by what.

They are for publishers who must mark generated pictures. The service signs only what it has drawn again and found equal, so its
certificate never vouches for anybody else's picture. Signed files contain random identifiers, so two of them are never
equal byte for byte. `/generate` must always return the same bytes, so signing is a separate call.

The files are written by the C2PA's own library (extra `c2pa`). The specification is https://spec.c2pa.org/.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from app import __version__
from app.errors import PictureUnproven
from app.images import encoding
from app.verification.comparison import Verification

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""The IPTC's term for media that a trained model has created."""
ENHANCED = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"
"""The IPTC's term for a given picture that an algorithm has changed."""
LABEL = "org.seedling.picture"
"""Label of the assertion that names the version and the request."""
_MEDIA_TYPE = "image/png"
_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},  # the picture is small enough itself
    "verify": {"verify_after_sign": False, "verify_trust": False, "ocsp_fetch": False, "remote_manifest_fetch": False},
}


class Signer:
    """Signs pictures with a certificate.

    Args:
        certificates: file with the certificate and those of its issuers, in PEM. The last issuer may be missing.
        key: file with the private key of the certificate, in PEM (PKCS #8).
        algorithm: signature algorithm, as in the setting `c2pa_algorithm`. It must suit the key.
        timestamps: URL of a time-stamping authority (RFC 3161), which is asked for each signature. By default none.

    Raises:
        ImportError: the extra `c2pa` is not installed.
        OSError: a file cannot be read.
        ValueError: the certificate, the key and the algorithm do not fit together or do not fit C2PA.
    """

    def __init__(self, certificates: Path, key: Path, algorithm: str, timestamps: str | None = None) -> None:
        try:
            import c2pa
        except ImportError as error:
            raise ImportError(
                f"GAN_C2PA_CERTIFICATES is set, but c2pa is not installed ({error}). Unset it, or run: pip install -c "
                "constraints.txt '.[c2pa]'"
            ) from error
        self._c2pa = c2pa
        self._context = c2pa.Context(settings=c2pa.Settings.from_dict(_SETTINGS))
        chain, secret, name = certificates.read_bytes(), key.read_bytes(), algorithm.encode()
        try:
            offline = c2pa.Signer.from_info(c2pa.C2paSignerInfo(name, chain, secret, None))
            trial = _manifest(Verification(verdict="equal", reason="", claim={}))
            signed = self._write(trial, encoding.png(np.zeros((1, 1), np.uint8)), offline)
            with c2pa.Reader(_MEDIA_TYPE, io.BytesIO(signed), context=self._context) as reader:
                if reader.get_validation_state() != "Valid":  # the key of another certificate, or an expired one
                    raise ValueError(_codes(json.loads(reader.json())))
            self._signer = offline
            if timestamps:
                self._signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(name, chain, secret, timestamps.encode()))
        except (c2pa.C2paError, ValueError) as error:
            raise ValueError(
                f"GAN_C2PA_CERTIFICATES and GAN_C2PA_KEY cannot sign ({error}). They must be a certificate chain for C2PA and "
                f"its PKCS #8 key, in PEM, for {algorithm}. See docs/verifying.md."
            ) from error

    def sign(self, content: bytes, found: Verification) -> bytes:
        """Add a manifest to a verified picture.

        Args:
            content: the PNG. Its pixels and text chunks stay. If it has a manifest already, the new one refers to it.
            found: what the verification of this file found.

        Returns:
            The signed PNG.

        Raises:
            PictureUnproven: the verdict is not `equal`.
        """
        if found.verdict != "equal":
            raise PictureUnproven(
                f"The picture was not signed, because it could not be verified: {found.reason} Send an unaltered PNG of this "
                "service."
            )
        return self._write(_manifest(found), content, self._signer)

    def _write(self, manifest: dict[str, Any], content: bytes, signer: Any) -> bytes:  # noqa: ANN401 - a class of c2pa
        written = io.BytesIO()
        with self._c2pa.Builder(manifest, self._context) as builder:
            builder.sign(signer, _MEDIA_TYPE, io.BytesIO(content), written)
        return written.getvalue()


def _codes(store: dict[str, Any]) -> str:
    """Return the codes of what is wrong with a manifest, except that no one is trusted here."""
    found = {status["code"] for status in store.get("validation_status", [])} - {"signingCredential.untrusted"}
    return ", ".join(sorted(found))


def _manifest(found: Verification) -> dict[str, Any]:
    """Return the definition of a manifest: what was generated, by which version, and how to draw it again."""
    title = f"{found.model}/{found.version}"
    source = ENHANCED if found.kind == "sharpened" else GENERATED
    action = {"action": "c2pa.created", "digitalSourceType": source, "softwareAgent": {"name": f"Seedling {title}"}}
    picture = {"model": found.model, "version": found.version, "kind": found.kind, "url": found.url, "text": found.claim}
    return {
        "claim_generator_info": [{"name": "Seedling", "version": __version__}],
        "title": title,
        "format": _MEDIA_TYPE,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": LABEL, "data": {name: value for name, value in picture.items() if value is not None}},
        ],
    }
