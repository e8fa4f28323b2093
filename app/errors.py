"""The exception tree. `app.http.problem_details` turns exceptions into responses.

    SeedlingError
    ├── InvalidRequest          422  a parameter is invalid
    │   ├── SeedInvalid         422  not a seed, or a number that is not an integer in range
    │   ├── LabelInvalid        422  no such class, or a model without classes
    │   ├── LatentInvalid       422  an explicit z of the wrong length or size
    │   ├── TooMuch             422  more pictures, frames or pixels than one request may have
    │   └── PictureInvalid      422  a picture file that is empty, damaged or cut off
    ├── BodyTooLarge            413  the body exceeds the size limit
    │   └── PictureTooLarge     413  a picture exceeds the decoding limit
    ├── PictureUnsupported      415  the body is not a picture, or its format is unsupported
    ├── NotFound                404  no such model, version or page
    │   └── DatasetMissing      404  the dataset of the requested real pictures is missing
    ├── Conflict                409  the request conflicts with the current state
    │   ├── JobConflict         409  the job has ended, or has not ended yet
    │   ├── VersionInService    409  a champion cannot be deleted
    │   ├── VersionUnfit        409  the version must not be promoted
    │   └── IdempotencyConflict 409  the first request with this key is still in flight
    ├── IdempotencyMismatch     422  the key was used with another body
    ├── PreconditionFailed      412  the champion is not the one that If-Match names
    ├── PreconditionRequired    428  a promotion must name the champion it replaces
    ├── QueueFull               429  too many jobs are waiting
    ├── TooManyAttempts         429  too many wrong tokens from one address
    │   └── TooManyRequests     429  one client exceeds its rate limit
    ├── HostUnknown             421  the Host header names another service
    ├── HostInvalid             400  no Host header, or more than one
    ├── BadCredentials          400  the Authorization header is malformed (RFC 6750)
    ├── Unauthorized            401  no token
    │   └── TokenInvalid        401  the token is wrong
    ├── Forbidden               403  the token is read-only
    ├── NoTrainer               501  no trainer is available
    ├── StoreUnavailable        503  the job store cannot be read or written
    ├── VersionUnusable         503  a version does not match its manifest, or no version is usable
    ├── NotReady                503  nothing can be served yet
    ├── Busy                    503  too much long work is waiting
    │   ├── Overloaded          503  too many single pictures are requested
    │   └── TooManyStreams      503  the limit of open event streams is reached
    └── ClientGone              499  the client disconnected before its turn

Every message ends with the remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class SeedlingError(Exception):
    """Base class of all errors that are returned to clients."""

    status, code = 500, "internal_error"
    headers: Mapping[str, str] = MappingProxyType({})
    """Additional response headers."""


class InvalidRequest(SeedlingError):
    """A parameter is invalid."""

    status, code = 422, "invalid_request"


class SeedInvalid(InvalidRequest):
    """Not a seed: empty, too long, or a numeral that is not an integer in 0..2**32-1."""

    code = "seed_invalid"


class LabelInvalid(InvalidRequest):
    """The model has no such class, or no classes at all."""

    code = "label_invalid"


class LatentInvalid(InvalidRequest):
    """The length of an explicit z is not the model's z_dim, or a number is outside -1000..1000."""

    code = "latent_invalid"


class TooMuch(InvalidRequest):
    """The request exceeds the limit of pictures, frames or pixels."""

    code = "too_much"


class PictureInvalid(InvalidRequest):
    """A picture file is empty, damaged or cut off."""

    code = "picture_invalid"


class BodyTooLarge(SeedlingError):
    """The body exceeds the size limit."""

    status, code = 413, "body_too_large"


class PictureTooLarge(BodyTooLarge):
    """A picture file exceeds the decoding limit."""

    code = "picture_too_large"


class PictureUnsupported(SeedlingError):
    """The body is not a picture, or its format is unsupported."""

    status, code = 415, "picture_unsupported"


class NotFound(SeedlingError):
    """There is no such model, version or page."""

    status, code = 404, "not_found"


class DatasetMissing(NotFound):
    """The dataset that a version was trained on is not on this machine, or is not the published one."""

    code = "dataset_missing"


class VersionUnusable(SeedlingError):
    """The version does not match its manifest, or no version can be served."""

    status, code = 503, "version_unusable"


class NotReady(SeedlingError):
    """The default model's champion is not loaded."""

    status, code = 503, "not_ready"


class Busy(SeedlingError):
    """Too much long work is waiting."""

    status, code = 503, "busy"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})


class Overloaded(Busy):
    """Too many single pictures are requested at the same time."""

    code = "overloaded"
    headers = MappingProxyType({"Retry-After": "1"})


class TooManyStreams(Busy):
    """As many event streams are open as may be, by all or by one client."""

    code = "too_many_streams"


class Conflict(SeedlingError):
    """The request conflicts with the current state."""

    status, code = 409, "conflict"


class JobConflict(Conflict):
    """The job is in a state in which this cannot be done."""

    code = "job_conflict"


class VersionInService(Conflict):
    """The version is the champion."""

    code = "version_in_service"


class VersionUnfit(Conflict):
    """The version is not what its manifest says, so it is not put into service."""

    code = "version_unfit"


class IdempotencyConflict(Conflict):
    """The first request with this Idempotency-Key has not been answered yet."""

    code = "idempotency_in_flight"
    headers = MappingProxyType({"Retry-After": "1"})


class IdempotencyMismatch(InvalidRequest):
    """The Idempotency-Key was used with another body."""

    code = "idempotency_mismatch"


class PreconditionFailed(SeedlingError):
    """The champion is not the one that If-Match names."""

    status, code = 412, "precondition_failed"


class PreconditionRequired(SeedlingError):
    """A promotion must say which champion it replaces (RFC 6585)."""

    status, code = 428, "precondition_required"


class QueueFull(SeedlingError):
    """As many jobs are waiting as may."""

    status, code = 429, "queue_full"
    headers = MappingProxyType({"Retry-After": "60"})


class TooManyAttempts(SeedlingError):
    """Too many wrong tokens came from one address."""

    status, code = 429, "too_many_attempts"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(seconds)}


class TooManyRequests(TooManyAttempts):
    """One client asks for more than its share."""

    code = "too_many_requests"


class HostUnknown(SeedlingError):
    """The Host header names another service (RFC 9110 7.4)."""

    status, code = 421, "host_unknown"


class HostInvalid(SeedlingError):
    """There is no Host header, or more than one (RFC 9112 3.2)."""

    status, code = 400, "host_invalid"


class BadCredentials(SeedlingError):
    """The Authorization header cannot be read (RFC 6750 3.1, invalid_request)."""

    status, code = 400, "invalid_credentials"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="invalid_request"'})


class Unauthorized(SeedlingError):
    """No token was given (RFC 6750 3: then the challenge says nothing more)."""

    status, code = 401, "token_missing"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling"'})


class TokenInvalid(Unauthorized):
    """The token is not known."""

    code = "token_invalid"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="invalid_token"'})


class Forbidden(SeedlingError):
    """The token may look, but not change anything."""

    status, code = 403, "insufficient_scope"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="insufficient_scope", scope="admin"'})


class NoTrainer(SeedlingError):
    """Neither this process nor any other that shares its state can train."""

    status, code = 501, "no_trainer"


class StoreUnavailable(SeedlingError):
    """The job store cannot be read or written: a full disk, a folder that is read-only."""

    status, code = 503, "store_unavailable"
    headers = MappingProxyType({"Retry-After": "5"})


class ClientGone(SeedlingError):
    """The client disconnected before its turn. Nobody reads the answer, but the log shows it (as nginx's 499)."""

    status, code = 499, "client_gone"
