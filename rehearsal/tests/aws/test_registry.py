"""The registry: pushed layers are on disk, and are deleted with the last image that uses them."""

from __future__ import annotations

import hashlib
import json

import pytest
from ministack.services import ecr

from rehearsal.aws.registry import blobs
from rehearsal.tests.aws.conftest import Answered, ask, login

HOST = "localhost:4566"


@pytest.fixture(autouse=True)
def repositories() -> None:
    for name in ("staging", "production"):
        ecr._create_repository({"repositoryName": name})


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def call(method: str, path: str, body: bytes = b"", query: str = "", **headers: str) -> Answered:
    return ask(method, path, body, query, host=HOST, authorization=login(), **headers)


def push(content: bytes, repository: str = "staging") -> str:
    """Push a layer in two pieces, as Docker does; return its digest."""
    begun = call("POST", f"/v2/{repository}/blobs/uploads/")
    where = dict(begun.headers)["location"]
    call("PATCH", where, content[:3])
    digest = digest_of(content)
    assert call("PUT", where, content[3:], f"digest={digest}").status == 201
    return digest


def push_image(tag: str, *layers: bytes, repository: str = "staging") -> str:
    """Push layers and the manifest that names them; return its digest."""
    parts = [{"digest": push(layer, repository)} for layer in layers]
    manifest = json.dumps({"config": parts[0], "layers": parts[1:]}).encode()
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    path = f"/v2/{repository}/manifests/{tag}"
    assert call("PUT", path, manifest, content_type=kind).status == 201
    return digest_of(manifest)


def delete(digest: str, repository: str = "staging") -> None:
    images = [{"imageDigest": digest}]
    ecr._batch_delete_image({"repositoryName": repository, "imageIds": images})


def files() -> int:
    return len(list(blobs.folder.iterdir()))


def test_a_pushed_layer_is_returned_unchanged() -> None:
    digest = push(b"layer of bytes")
    answered = call("GET", f"/v2/staging/blobs/{digest}")
    assert (answered.body, answered.finished) == (b"layer of bytes", True)
    assert dict(answered.headers)["docker-content-digest"] == digest
    head = call("HEAD", f"/v2/staging/blobs/{digest}")
    assert (head.body, dict(head.headers)["content-length"]) == (b"", "14")


def test_a_layer_can_be_pushed_in_one_request() -> None:
    digest = digest_of(b"whole")
    query = f"digest={digest}"
    assert call("POST", "/v2/staging/blobs/uploads/", b"whole", query).status == 201
    assert call("HEAD", f"/v2/staging/blobs/{digest}").status == 200


def test_a_layer_with_a_wrong_digest_is_refused_and_deleted() -> None:
    where = dict(call("POST", "/v2/staging/blobs/uploads/").headers)["location"]
    answered = call("PUT", where, b"layer", f"digest={digest_of(b'other')}")
    assert (answered.status, b"DIGEST_INVALID" in answered.body) == (400, True)
    assert files() == 0


def test_an_upload_can_be_cancelled() -> None:
    where = dict(call("POST", "/v2/staging/blobs/uploads/").headers)["location"]
    assert call("DELETE", where).status == 204
    assert call("PATCH", where, b"more").status == 404
    assert files() == 0


def test_a_push_to_a_missing_repository_is_refused() -> None:
    answered = call("POST", "/v2/none/blobs/uploads/")
    assert (answered.status, b"NAME_UNKNOWN" in answered.body) == (404, True)


def test_a_repository_has_another_ones_layer_only_after_mounting_it() -> None:
    digest = push(b"shared")
    assert call("HEAD", f"/v2/production/blobs/{digest}").status == 404
    query = f"mount={digest}&from=staging"
    assert call("POST", "/v2/production/blobs/uploads/", b"", query).status == 201
    assert call("HEAD", f"/v2/production/blobs/{digest}").status == 200
    assert files() == 1


def test_deleting_an_image_deletes_its_layers_from_the_disk() -> None:
    image = push_image("a", b"config", b"layer")
    delete(image)
    assert files() == 0
    assert call("GET", f"/v2/staging/manifests/{image}").status == 404


def test_deleting_an_image_keeps_layers_of_another_image() -> None:
    first = push_image("a", b"config", b"base", b"code of a")
    push_image("b", b"config", b"base", b"code of b")
    delete(first)
    assert files() == 3


def test_deleting_an_image_keeps_layers_of_another_repository() -> None:
    image = push_image("a", b"config", b"layer")
    push_image("v1", b"config", b"layer", repository="production")
    delete(image)
    assert files() == 2


def test_deleting_one_of_two_tags_keeps_the_image() -> None:
    image = push_image("a", b"config", b"layer")
    push_image("b", b"config", b"layer")
    request = {"repositoryName": "staging", "imageIds": [{"imageTag": "b"}]}
    assert json.loads(ecr._batch_delete_image(request)[2])["imageIds"] == [{"imageTag": "b"}]
    assert [found["imageTags"] for found in ecr._images["staging"]] == [["a"]]
    assert call("GET", f"/v2/staging/manifests/{image}").status == 200


def test_deleting_the_last_tag_deletes_the_image() -> None:
    push_image("a", b"config", b"layer")
    request = {"repositoryName": "staging", "imageIds": [{"imageTag": "a"}]}
    ecr._batch_delete_image(request)
    assert (ecr._images["staging"], files()) == ([], 0)


def test_deleting_a_repository_deletes_its_layers() -> None:
    push_image("a", b"config", b"layer")
    ecr._delete_repository({"repositoryName": "staging", "force": True})
    assert files() == 0


def test_describing_a_missing_image_is_an_error() -> None:
    request = {"repositoryName": "staging", "imageIds": [{"imageTag": "none"}]}
    status, _, body = ecr._describe_images(request)
    assert (status, b"ImageNotFoundException" in body) == (400, True)
