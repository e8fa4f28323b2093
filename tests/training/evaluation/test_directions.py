"""Properties are what they say, and directions change the property that they are named after."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.directions import digest_of
from models.manifest import GENERATOR
from models.repository import Repository
from tests.live import SHIPPED
from training.errors import TrainingError
from training.evaluation import directions, properties
from training.evaluation.directions import Pictures
from training.evaluation.onnx_models import OnnxGenerator
from training.evaluation.properties import STROKES


def picture(*shapes: tuple[slice, slice, float]) -> np.ndarray:
    """Return a picture, (1, 28, 28), with rectangles of some levels."""
    image = np.zeros((1, 28, 28))
    for rows, columns, level in shapes:
        image[0, rows, columns] = level
    return image


UPRIGHT = picture((slice(4, 24), slice(12, 15), 1.0))


def leaning(shear: float) -> np.ndarray:
    """Return a bar whose rows move right with each row upwards, with fractions of pixels."""
    image = np.zeros((1, 28, 28))
    for row in range(4, 24):
        left = 12 + shear * (14 - row)
        for column in range(28):
            image[0, row, column] = np.clip(min(column + 1, left + 3) - max(column, left), 0, 1)
    return image


@pytest.mark.parametrize("shear", [-0.4, 0.0, 0.25, 0.4])
def test_slant_is_the_shear_and_width_does_not_depend_on_it(shear: float) -> None:
    assert properties.slant(leaning(shear))[0] == pytest.approx(shear, abs=0.01)
    blur = 0 if shear == 0 else 2  # anti-aliasing adds a pixel to both edges
    assert properties.width(leaning(shear))[0] == pytest.approx(np.sqrt(3**2 + blur), abs=0.05)


@pytest.mark.parametrize("stroke", [2, 3, 5])
def test_thickness_is_the_width_of_a_stroke(stroke: int) -> None:
    bar = picture((slice(4, 24), slice(10, 10 + stroke), 1.0))
    assert properties.thickness(bar)[0] == pytest.approx(stroke, rel=0.2)
    assert properties.height(bar)[0] == pytest.approx(20, abs=1e-6)
    assert properties.aspect(bar)[0] == pytest.approx(np.log(20 / stroke), abs=1e-6)


def test_loops_are_what_strokes_enclose_and_not_what_is_outside() -> None:
    ring = picture((slice(5, 23), slice(6, 20), 1.0), (slice(8, 20), slice(9, 17), 0.0))
    assert properties.loops(ring)[0] == 12 * 8
    opened = ring.copy()
    opened[0, 10, 15:28] = 0
    assert np.isnan(properties.loops(opened)[0])
    assert np.isnan(properties.loops(UPRIGHT)[0])


def test_brightness_does_not_depend_on_the_size() -> None:
    small, large = (picture((slice(4, 4 + side), slice(4, 4 + side), 0.6)) for side in (4, 20))
    assert properties.brightness(small)[0] == pytest.approx(0.6)
    assert properties.brightness(large)[0] == pytest.approx(0.6)


@pytest.mark.parametrize("measure", [*STROKES.values(), *properties.CLOTHES.values()])
def test_a_black_picture_has_finite_properties_or_none(measure) -> None:
    assert np.isfinite(np.nan_to_num(measure(np.zeros((2, 28, 28))))).all()


def test_a_regression_finds_the_gradients_that_made_the_properties() -> None:
    random = np.random.RandomState(0)
    z, labels = random.standard_normal((12_000, 12)), random.randint(0, 4, 12_000)
    gradients = np.zeros((2, 12))
    gradients[0, 3], gradients[1, :2] = 2.0, (3.0, 4.0)
    values = z @ gradients.T + labels[:, None] * 10 + random.standard_normal((12_000, 2)) * [0.0, 5.0]
    values[labels == 2, 1] = np.nan
    found = directions.regress(z, labels, values, 4_000)
    assert found.gradients[0] == pytest.approx(gradients[0] / found.spreads[0], abs=1e-6)
    assert found.gradients[1] / np.linalg.norm(found.gradients[1]) == pytest.approx(gradients[1] / 5, abs=0.1)
    assert found.explained == pytest.approx([1.0, 0.5], abs=0.04)
    assert found.spreads == pytest.approx([2.0, 50**0.5], rel=0.06)


def test_directions_are_orthonormal_and_as_near_to_the_gradients_as_can_be() -> None:
    rows = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    found = directions.orthonormal(rows)
    assert found @ found.T == pytest.approx(np.eye(2))
    angles = (found * rows / np.linalg.norm(rows, axis=1, keepdims=True)).sum(axis=1)
    assert angles[0] == pytest.approx(angles[1]), "all give way alike"
    with pytest.raises(TrainingError):
        directions.orthonormal(np.array([[1.0, 0.0], [2.0, 0.0]]))


def test_sefa_finds_what_the_first_layer_amplifies_most(tmp_path) -> None:
    weights = np.diag([1.0, 5.0, 3.0, 9.0]).astype(np.float32)  # the last column belongs to the label
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["z", "w"], ["image"], transB=1)],
        "g",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph), tmp_path / "g.onnx")
    found = directions.sefa(directions.first_layer(tmp_path / "g.onnx", 3), 2)
    assert found == pytest.approx(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))


def test_the_directions_of_a_version_move_what_they_are_named_after() -> None:
    version = Repository(SHIPPED).get("digits", 1)
    generator = OnnxGenerator(version.file(GENERATOR), len(version.manifest.classes))
    measures = {name: STROKES[name] for name in ("slant", "thickness")}
    found = directions.find(version, Pictures(generator, measures, None), None, 1_500, 200)
    assert [each.name for each in found.directions] == ["slant", "thickness", *(f"sefa{n}" for n in range(1, 9))]
    for each in found.directions[:2]:
        own, other = each.effect.moved[each.name], sum(each.effect.moved.values()) - each.effect.moved[each.name]
        assert own > 0.5
        assert abs(other) < own / 2
        assert each.effect.label_kept is None
        assert np.linalg.norm(each.vector) == pytest.approx(1, abs=1e-5)
    assert found.sha256 == digest_of([(each.name, each.vector) for each in found.directions])
    assert found.generator == version.manifest.digest
