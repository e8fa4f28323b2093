"""The exception tree. `app.http.problem_details` turns exceptions into responses.

    SeedlingError
    ├── InvalidRequest          422  a parameter is invalid
    │   ├── SeedInvalid         422  not a seed, or a number that is not an integer in range
    │   ├── ParentsInvalid      422  not a pedigree, or one that exceeds its bounds
    │   ├── EditInvalid         422  not an edit, or the version has no such direction
    │   ├── LabelInvalid        422  no such class, or a model without classes
    │   ├── LatentInvalid       422  an explicit z of the wrong length or size
    │   ├── TaskMismatch        422  a model that draws was asked to sharpen, or vice versa
    │   ├── TooMuch             422  more pictures, frames or pixels than one request may have
    │   ├── FormInvalid         422  a form that is damaged, or is not one file
    │   ├── PictureInvalid      422  a picture file that is empty, damaged or cut off
    │   │   └── PictureBlank    422  a picture without a subject
    │   ├── PictureUnproven     422  a picture that was not verified cannot be signed
    │   ├── IdempotencyMismatch 422  the key was used with a different body
    │   └── DatasetInvalid      422  a file cannot be imported as a dataset
    ├── BodyTooLarge            413  the body exceeds the size limit
    │   └── PictureTooLarge     413  a picture exceeds the decoding limit
    ├── PictureUnsupported      415  the body is not a picture, or its format is unsupported
    ├── UploadUnsupported       415  a part of an upload lacks the Content-Type that tus prescribes
    ├── NotFound                404  no such model, version or page
    │   ├── DatasetMissing      404  the dataset of the requested real pictures is missing
    │   ├── DatasetUnknown      404  the registry has no such dataset
    │   ├── CredentialsDisabled 404  this service signs no pictures
    │   ├── EncoderMissing      404  the version has no encoder
    │   └── IndexMissing        404  the version has no index of seeds
    ├── Conflict                409  the request conflicts with the current state
    │   ├── JobConflict         409  the job has ended, or has not ended yet
    │   ├── VersionInService    409  a champion cannot be deleted
    │   ├── VersionUnfit        409  the version must not be promoted
    │   ├── DatasetInUse        409  a version was trained on the dataset, or a job needs it
    │   ├── UploadConflict      409  Upload-Offset is not the number of bytes received so far
    │   ├── UploadIncomplete    409  the upload is not complete yet
    │   ├── ImportConflict      409  the import has ended, or the upload is being imported already
    │   └── IdempotencyConflict 409  the first request with this key is still in flight
    ├── UploadLocked            423  another request is writing to the upload
    ├── ChecksumMismatch        460  a part of an upload does not have its checksum
    ├── PreconditionFailed      412  the champion is not the one that If-Match names
    │   └── TusVersionUnknown   412  the service does not support the client's version of tus
    ├── PreconditionRequired    428  a promotion must name the champion it replaces
    ├── QueueFull               429  too many jobs are waiting
    ├── TooManyUploads          429  too many uploads are stored
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
    ├── DiskFull                507  the disk has no room for an upload
    ├── VersionUnusable         503  a version does not match its manifest, or no version is usable
    ├── NotReady                503  nothing can be served yet
    ├── Busy                    503  too many large requests are waiting
    │   ├── Overloaded          503  too many single pictures are requested
    │   ├── TooManyConnections  503  too many connections are open
    │   ├── TooManyPipelined    503  too many requests are waiting on one connection
    │   ├── TooManyImports      503  too many datasets are being imported
    │   └── TooManyStreams      503  the limit of open event streams is reached
    ├── MalformedRequest        400  the request is not HTTP/1.1
    ├── HeadersTooLarge         431  the headers or trailers exceed a limit
    ├── RequestLate             408  the headers or the body arrive too slowly
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


class TaskMismatch(InvalidRequest):
    """A model that draws pictures was asked to sharpen one, or vice versa."""

    code = "task_mismatch"


class SeedInvalid(InvalidRequest):
    """Not a seed: empty, too long, or a numeral that is not an integer in 0..2**32-1."""

    code = "seed_invalid"


class ParentsInvalid(InvalidRequest):
    """The parents cannot be parsed, or their pedigree has too many generations or members."""

    code = "parents_invalid"


class EditInvalid(InvalidRequest):
    """The edit cannot be parsed, an amount is out of range, or the version has no such direction."""

    code = "edit_invalid"


class LabelInvalid(InvalidRequest):
    """The model has no such class, or no classes at all."""

    code = "label_invalid"


class LatentInvalid(InvalidRequest):
    """The length of an explicit z is not the model's z_dim, or a number is outside -1000..1000."""

    code = "latent_invalid"


class TooMuch(InvalidRequest):
    """The request exceeds the limit of pictures, frames or pixels."""

    code = "too_much"


class FormInvalid(InvalidRequest):
    """A multipart form is damaged or cut off, or does not consist of one file."""

    code = "form_invalid"


class PictureInvalid(InvalidRequest):
    """A picture file is empty, damaged or cut off."""

    code = "picture_invalid"


class PictureBlank(PictureInvalid):
    """A picture has a single level, or only a few pixels that differ from its background."""

    code = "picture_blank"


class PictureUnproven(InvalidRequest):
    """A picture is not what it claims to be, so it cannot be signed."""

    code = "picture_unproven"


class DatasetInvalid(InvalidRequest):
    """A file cannot be imported as a dataset: it is damaged, has no pictures, or exceeds a limit."""

    code = "dataset_invalid"


class BodyTooLarge(SeedlingError):
    """The body exceeds the size limit."""

    status, code = 413, "body_too_large"


class PictureTooLarge(BodyTooLarge):
    """A picture file exceeds the decoding limit."""

    code = "picture_too_large"


class PictureUnsupported(SeedlingError):
    """The body is not a picture, or its format is unsupported."""

    status, code = 415, "picture_unsupported"


class UploadUnsupported(SeedlingError):
    """A part of an upload does not have the Content-Type application/offset+octet-stream."""

    status, code = 415, "upload_unsupported"


class NotFound(SeedlingError):
    """There is no such model, version or page."""

    status, code = 404, "not_found"


class DatasetMissing(NotFound):
    """The dataset that a version was trained on is not on this machine, or differs from the published one."""

    code = "dataset_missing"


class DatasetUnknown(NotFound):
    """The registry has no such dataset."""

    code = "dataset_unknown"


class CredentialsDisabled(NotFound):
    """This service has no certificate to sign pictures with."""

    code = "credentials_disabled"


class EncoderMissing(NotFound):
    """The version has no encoder, so a picture cannot be turned into a latent."""

    code = "encoder_missing"


class IndexMissing(NotFound):
    """The version has no index of seeds, so the nearest seeds cannot be found."""

    code = "index_missing"


class VersionUnusable(SeedlingError):
    """The version does not match its manifest, or no version can be served."""

    status, code = 503, "version_unusable"


class NotReady(SeedlingError):
    """The default model's champion is not loaded."""

    status, code = 503, "not_ready"


class Busy(SeedlingError):
    """Too many large requests are waiting."""

    status, code = 503, "busy"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})


class Overloaded(Busy):
    """Too many single pictures are requested at the same time."""

    code = "overloaded"
    headers = MappingProxyType({"Retry-After": "1"})


class TooManyConnections(Busy):
    """The limit of open connections is reached."""

    code = "too_many_connections"
    headers = MappingProxyType({"Retry-After": "1"})


class TooManyPipelined(Busy):
    """Too many requests are waiting on one connection for the response to an earlier one."""

    code = "too_many_pipelined"


class TooManyImports(Busy):
    """Too many datasets are being imported or previewed."""

    code = "too_many_imports"


class TooManyStreams(Busy):
    """The limit of open event streams is reached, overall or for one client."""

    code = "too_many_streams"


class Conflict(SeedlingError):
    """The request conflicts with the current state."""

    status, code = 409, "conflict"


class JobConflict(Conflict):
    """The job's state does not allow the operation."""

    code = "job_conflict"


class VersionInService(Conflict):
    """The version is the champion."""

    code = "version_in_service"


class VersionUnfit(Conflict):
    """The version does not match its manifest, so it cannot be promoted."""

    code = "version_unfit"


class DatasetInUse(Conflict):
    """A version was trained on the dataset, or a job needs it."""

    code = "dataset_in_use"


class UploadConflict(Conflict):
    """Upload-Offset is not the number of bytes received so far (tus)."""

    code = "upload_conflict"


class UploadIncomplete(Conflict):
    """The upload is not complete yet."""

    code = "upload_incomplete"


class ImportConflict(Conflict):
    """The import has ended, or the upload is being imported already."""

    code = "import_conflict"


class UploadLocked(SeedlingError):
    """Another request is writing to the upload."""

    status, code = 423, "upload_locked"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "1"})


class ChecksumMismatch(SeedlingError):
    """A part of an upload does not have its checksum. tus defines the status."""

    status, code = 460, "checksum_mismatch"


class IdempotencyConflict(Conflict):
    """The first request with this Idempotency-Key is still in progress."""

    code = "idempotency_in_flight"
    headers = MappingProxyType({"Retry-After": "1"})


class IdempotencyMismatch(InvalidRequest):
    """The Idempotency-Key was used with a different body."""

    code = "idempotency_mismatch"


class PreconditionFailed(SeedlingError):
    """The champion is not the one that If-Match names."""

    status, code = 412, "precondition_failed"


class TusVersionUnknown(PreconditionFailed):
    """The service does not support the client's version of tus."""

    code = "tus_version_unknown"
    headers: Mapping[str, str] = MappingProxyType({"Tus-Version": "1.0.0"})


class PreconditionRequired(SeedlingError):
    """A promotion must name the champion it replaces (RFC 6585)."""

    status, code = 428, "precondition_required"


class QueueFull(SeedlingError):
    """The queue of jobs is full."""

    status, code = 429, "queue_full"
    headers = MappingProxyType({"Retry-After": "60"})


class TooManyUploads(SeedlingError):
    """The maximum number of uploads is stored already."""

    status, code = 429, "too_many_uploads"


class TooManyAttempts(SeedlingError):
    """Too many wrong tokens came from one address."""

    status, code = 429, "too_many_attempts"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(seconds)}


class TooManyRequests(TooManyAttempts):
    """A client exceeds its rate limit."""

    code = "too_many_requests"


class HostUnknown(SeedlingError):
    """The Host header names another service (RFC 9110 7.4)."""

    status, code = 421, "host_unknown"


class HostInvalid(SeedlingError):
    """There is no Host header, or more than one (RFC 9112 3.2)."""

    status, code = 400, "host_invalid"


class BadCredentials(SeedlingError):
    """The Authorization header is malformed (RFC 6750 3.1, invalid_request)."""

    status, code = 400, "invalid_credentials"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="invalid_request"'})


class Unauthorized(SeedlingError):
    """The request has no token. The challenge therefore has no error code (RFC 6750 3)."""

    status, code = 401, "token_missing"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling"'})


class TokenInvalid(Unauthorized):
    """The token is unknown."""

    code = "token_invalid"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="invalid_token"'})


class Forbidden(SeedlingError):
    """The token is read-only."""

    status, code = 403, "insufficient_scope"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="insufficient_scope", scope="admin"'})


class NoTrainer(SeedlingError):
    """No process that shares the state folder can train, including this one."""

    status, code = 501, "no_trainer"


class StoreUnavailable(SeedlingError):
    """The job store cannot be read or written, for example because the disk is full or the folder is read-only."""

    status, code = 503, "store_unavailable"
    headers = MappingProxyType({"Retry-After": "5"})


class DiskFull(SeedlingError):
    """The disk has no room for an upload (RFC 4918 11.5)."""

    status, code = 507, "disk_full"


class MalformedRequest(SeedlingError):
    """The request is not HTTP/1.1."""

    status, code = 400, "malformed_request"


class HeadersTooLarge(SeedlingError):
    """The headers, the trailers or their number exceed a limit."""

    status, code = 431, "headers_too_large"


class RequestLate(SeedlingError):
    """The headers or the body of the request arrive too slowly."""

    status, code = 408, "request_late"


class ClientGone(SeedlingError):
    """The client disconnected before its turn. The status appears only in the log, like nginx's 499."""

    status, code = 499, "client_gone"
