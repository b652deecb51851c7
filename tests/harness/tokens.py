"""Makes what an issuer of tokens makes: JWTs, and the JWKS file with the public keys."""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

SECRET = "a-secret-for-tests-with-32-bytes"


def _encode(data: bytes | dict) -> str:
    raw = json.dumps(data, separators=(",", ":")).encode() if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def token(sign, header: dict, claims: dict) -> str:
    """`claims` are those given and an `exp` in five minutes, unless they have one."""
    text = f"{_encode(header)}.{_encode({'exp': int(time.time()) + 300, **claims})}"
    return f"{text}.{_encode(sign(text.encode()))}"


def hs256(secret: str = SECRET, header: dict | None = None, **claims) -> str:
    def sign(text: bytes) -> bytes:
        return hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return token(sign, header or {"alg": "HS256", "typ": "JWT"}, claims)


class RsaKey:
    def __init__(self, kid: str):
        self.kid, self.key = kid, rsa.generate_private_key(65537, 2048)

    def jwk(self) -> dict:
        public = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256",
                "n": _number(public.n), "e": _number(public.e)}

    def token(self, **claims) -> str:
        return token(lambda text: self.key.sign(text, padding.PKCS1v15(), hashes.SHA256()),
                     {"alg": "RS256", "kid": self.kid}, claims)


class EcKey:
    def __init__(self, kid: str):
        self.kid, self.key = kid, ec.generate_private_key(ec.SECP256R1())

    def jwk(self) -> dict:
        public = self.key.public_key().public_numbers()
        return {"kty": "EC", "kid": self.kid, "crv": "P-256",
                "x": _encode(public.x.to_bytes(32, "big")), "y": _encode(public.y.to_bytes(32, "big"))}

    def token(self, **claims) -> str:
        def sign(text: bytes) -> bytes:
            r, s = utils.decode_dss_signature(self.key.sign(text, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return token(sign, {"alg": "ES256", "kid": self.kid}, claims)
