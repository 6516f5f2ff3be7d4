"""The blobs of the registry, as in https://distribution.github.io/distribution/spec/api/.

ministack serves manifests and tags.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from ministack.services import ecr

from rehearsal.aws import logins, settings
from rehearsal.aws.balancer import Receive, Send
from rehearsal.aws.blobs import Blobs
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json

CHUNK = 1 << 20
blobs = Blobs(settings.BLOBS)


async def serve(scope: Json, headers: dict[str, str], receive: Receive, send: Send) -> bool:
    """Answer a request for a blob; return whether it was one."""
    method, path = scope["method"], scope["path"]
    parsed = ecr._parse_v2_path(path)
    if parsed is None or parsed[0] not in ("blob_uploads", "blob_upload_session", "blob"):
        return False
    verb, name, reference = parsed
    query = {k: v[0] for k, v in parse_qs(scope.get("query_string", b"").decode()).items()}
    ecr._select_registry_request_scope(name, headers, {})
    if name not in ecr._repositories:
        await refuse(send, 404, "NAME_UNKNOWN", f"there is no repository {name}")
    elif verb == "blob_uploads" and method == "POST":
        if not logins.may_mount(query.get("from", ""), headers):
            query.pop("mount", None)
        await begin(name, query, receive, send)
    elif verb == "blob_upload_session" and reference not in blobs.uploads:
        await refuse(send, 404, "BLOB_UPLOAD_UNKNOWN", f"there is no upload {reference}")
    elif verb == "blob_upload_session" and method == "PATCH":
        await write(reference, receive)
        await say_progress(name, reference, 202, send)
    elif verb == "blob_upload_session" and method == "PUT":
        await finish(name, reference, query.get("digest", ""), receive, send)
    elif verb == "blob_upload_session" and method == "GET":
        await say_progress(name, reference, 204, send)
    elif verb == "blob_upload_session" and method == "DELETE":
        blobs.cancel(reference)
        await say(send, 204, {})
    elif verb == "blob" and method in ("GET", "HEAD"):
        await read(name, reference, method, send)
    else:
        await refuse(send, 405, "UNSUPPORTED", f"{method} {path}")
    return True


async def begin(name: str, query: dict[str, str], receive: Receive, send: Send) -> None:
    """Begin an upload, unless another repository has the blob or the request contains it."""
    mount = query.get("mount", "")
    if blobs.find(query.get("from", ""), mount):
        blobs.link(name, mount)
        await say_kept(name, mount, send)
        return
    upload = blobs.begin()
    await write(upload, receive)
    if "digest" in query:
        await finish(name, upload, query["digest"], None, send)
    else:
        await say_progress(name, upload, 202, send)


async def write(upload: str, receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        blobs.uploads[upload].write(message.get("body", b""))
        if not message.get("more_body"):
            return


async def finish(name: str, upload: str, digest: str, receive: Receive | None, send: Send) -> None:
    if receive:
        await write(upload, receive)
    found = blobs.finish(name, upload, digest)
    if found == digest:
        await say_kept(name, digest, send)
    else:
        await refuse(send, 400, "DIGEST_INVALID", f"this is {found}, not {digest}")


async def read(name: str, digest: str, method: str, send: Send) -> None:
    path = blobs.find(name, digest)
    if path is None:
        await refuse(send, 404, "BLOB_UNKNOWN", f"{name} has no blob {digest}")
        return
    headers = {
        "content-length": str(path.stat().st_size),
        "content-type": "application/octet-stream",
        "docker-content-digest": digest,
    }
    await head(send, 200, headers)
    if method == "GET":
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def say_progress(name: str, upload: str, status: int, send: Send) -> None:
    headers = {
        "location": f"/v2/{name}/blobs/uploads/{upload}",
        "range": f"0-{max(0, blobs.uploads[upload].size - 1)}",
        "docker-upload-uuid": upload,
    }
    await say(send, status, headers)


async def say_kept(name: str, digest: str, send: Send) -> None:
    location = f"/v2/{name}/blobs/{digest}"
    await say(send, 201, {"location": location, "docker-content-digest": digest})


async def refuse(send: Send, status: int, code: str, message: str) -> None:
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": {}}]}).encode()
    headers = {"content-type": "application/json"}
    if status == 401:  # without it, Docker sends no login
        headers["www-authenticate"] = (
            f'Basic realm="http://{settings.REGISTRY}/",service="ecr.amazonaws.com"'
        )
    await say(send, status, headers, body)


async def head(send: Send, status: int, headers: dict[str, str]) -> None:
    every = {"docker-distribution-api-version": "registry/2.0", **headers}
    pairs = [(name.encode(), value.encode()) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def say(send: Send, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    await head(send, status, {**headers, "content-length": str(len(body))})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def named_by(manifest: bytes | str) -> set[str]:
    """Return the digests in a manifest: of its config and layers, or of an index's manifests."""
    try:
        content = json.loads(manifest)
    except ValueError:
        return set()
    parts = [content.get("config"), *content.get("layers", []), *content.get("manifests", [])]
    return {part["digest"] for part in parts if part and "digest" in part}


def forget(name: str, digests: set[str]) -> None:
    """Delete manifests of a repository, and blobs that no other manifest in it names."""
    manifests: dict[str, bytes] = ecr._manifest_blobs.get(name, {})
    gone: set[str] = set()
    for digest in digests:
        gone |= named_by(manifests.pop(digest, b""))
    needed: set[str] = set().union(*(named_by(manifest) for manifest in manifests.values()))
    blobs.unlink(name, gone - needed)
    # The manifests that an index of these named are images of their own.
    if parts := {digest for digest in gone - needed if digest in manifests}:
        forget(name, parts)


@replaces(ecr, "_batch_delete_image")
def batch_delete_image(original: Callable[[Json], Answer], data: Json) -> Answer:
    """AWS deletes an image's layers; ministack keeps them, and the manifest by its digest.

    If an image has several tags, AWS removes only the given tag; ministack deletes the image.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/delete_image.html
    """
    name = data.get("repositoryName", "")
    before: list[Json] = list(ecr._images.get(name, []))
    wanted: list[Json] = data.get("imageIds") or []
    untagged = [image for image in wanted if untag(name, image)]
    rest = [image for image in wanted if image not in untagged]
    status, headers, body = original({**data, "imageIds": rest})
    if untagged and status == 200:
        found = json.loads(body)
        found["imageIds"] += untagged
        body = json.dumps(found).encode()
    left = {image["imageDigest"] for image in ecr._images.get(name, [])}
    forget(name, {image["imageDigest"] for image in before} - left)
    return status, headers, body


def untag(name: str, wanted: Json) -> bool:
    """Remove one of several tags from an image; return whether that completes the request."""
    image = ecr._find_image(name, wanted)
    if not image or wanted.get("imageDigest") or len(image["imageTags"]) < 2:
        return False
    image["imageTags"].remove(wanted["imageTag"])
    image["imageId"]["imageTag"] = image["imageTags"][-1]
    return True


@replaces(ecr, "_delete_repository")
def delete_repository(original: Callable[[Json], Answer], data: Json) -> Answer:
    """AWS deletes the layers of a repository's images; ministack keeps them."""
    answer = original(data)
    name = data.get("repositoryName", "")
    if answer[0] == 200:
        ecr._manifest_blobs.pop(name, None)
        blobs.unlink(name, set(blobs.links.get(name, ())))
    return answer


@replaces(ecr, "_describe_images")
def describe_images(original: Callable[[Json], Answer], data: Json) -> Answer:
    """AWS raises ImageNotFoundException for a missing image; ministack omits it.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    """
    name = data.get("repositoryName", "")
    wanted: list[dict[str, Any]] = data.get("imageIds") or []
    for image in wanted if name in ecr._repositories else []:
        if not ecr._find_image(name, image):
            text = f"The image with imageId {json.dumps(image)} does not exist in {name}"
            return ecr.error_response_json("ImageNotFoundException", text, 400)  # type: ignore[no-any-return]
    return original(data)
