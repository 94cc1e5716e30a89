"""The run folder is an RO-Crate that another program reads; it tells no input's file name."""

import base64
import hashlib
import json

import pytest
from rocrate.rocrate import ROCrate

from jobs.hospital import signing
from postprocess.exports import crate
from tests.jobs import finished


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    run = finished.copy(tmp_path_factory.mktemp("run"))
    finished.take(run, signing.TECHNICAL, who="mk7")
    return run


def test_every_file_is_in_it_with_its_digest(folder):
    read = ROCrate(str(folder.path))
    files = {
        one.id: one["sha256"]
        for one in read.get_entities()
        if one.type == "File" and not one.id.startswith("ni:")
    }
    there = {
        str(path.relative_to(folder.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.artefacts()
        if path.name != crate.NAME
    }
    assert files == there
    assert {"results.h5", "metrics.json", "report.pdf", "case.toml"} <= set(files)


def test_it_follows_the_profile(folder):
    read = ROCrate(str(folder.path))
    assert read.root_dataset["conformsTo"].id == crate.PROFILE
    action = next(one for one in read.get_entities() if one.type == "CreateAction")
    assert action in read.root_dataset["mentions"]
    assert action["instrument"].type == "SoftwareApplication"
    assert {one.id for one in action["result"]} >= {"report.pdf"}
    assert action["startTime"] <= action["endTime"]
    for entity in json.loads((folder.path / crate.NAME).read_text())["@graph"]:
        assert entity["@id"]
        assert entity["@type"]


def test_inputs_are_known_by_their_digest_alone(folder):
    image = folder.path.parent / "veins.nii.gz"
    digest = hashlib.sha256(image.read_bytes())
    mark = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    read = ROCrate(str(folder.path))
    entity = read.get(f"ni:///sha-256;{mark}")
    assert entity["sha256"] == digest.hexdigest()
    assert image.name not in (folder.path / crate.NAME).read_text()


def test_state_and_steps_are_told(folder):
    read = ROCrate(str(folder.path))
    assert read.root_dataset["creativeWorkStatus"] == "TECHNICAL CHECK"
    step = read.get("#step-1")
    assert step["name"] == "TECHNICAL CHECK by modeler mk7"
    assert step["description"] == "all seen"


def test_every_reference_leads_somewhere(folder):
    graph = json.loads((folder.path / crate.NAME).read_text())["@graph"]
    known = {entity["@id"] for entity in graph} | {"https://w3id.org/ro/crate/1.1"}

    def references(value):
        if isinstance(value, dict):
            if set(value) == {"@id"}:
                yield value["@id"]
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    assert {one for entity in graph for one in references(list(entity.values()))} <= known
