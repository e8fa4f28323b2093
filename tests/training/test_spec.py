"""The training spec: its fields, bounds and presets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from models.repository import Repository
from training.commands.options import SHIPPED
from training.spec import ARCHITECTURE, PRESET_SUMMARIES, PRESETS, TrainingSpec


def test_every_field_has_a_description_and_every_number_a_lower_bound() -> None:
    for name, field in TrainingSpec.model_fields.items():
        assert field.description, name
        if field.annotation in (int, float):
            bounds = {type(m).__name__ for m in field.metadata}
            assert bounds & {"Ge", "Gt"}, name


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_is_valid_and_survives_a_json_round_trip(preset) -> None:
    spec = TrainingSpec.from_preset(preset)
    assert TrainingSpec.model_validate_json(spec.model_dump_json()) == spec
    assert preset in PRESET_SUMMARIES


def test_the_lecture_preset_is_the_network_of_the_lecture() -> None:
    spec = TrainingSpec.from_preset("lecture")
    assert (spec.network, spec.loss, spec.conditional, spec.z_dim) == ("mlp", "bce", False, 100)
    assert (spec.gamma, spec.ema_images) == (0, 0)


def test_the_modern_lecture_preset_has_the_networks_of_the_lecture_and_the_training_of_standard() -> None:
    modern, lecture, standard = (TrainingSpec.from_preset(name) for name in ("lecture-modern", "lecture", "standard"))
    for name in ARCHITECTURE:
        assert getattr(modern, name) == getattr(lecture, name), name
    for name in ("loss", "first_gamma", "burn_in", "beta1", "beta2", "final_learning_rate", "match_tones"):
        assert getattr(modern, name) == getattr(standard, name), name
        assert getattr(modern, name) != getattr(lecture, name), name
    assert modern.ema_images > 0
    assert modern.batch_size * modern.penalty_interval == standard.batch_size * standard.penalty_interval


def test_quick_is_a_shorter_standard() -> None:
    quick, standard = (TrainingSpec.from_preset(p).model_dump() for p in ("quick", "standard"))
    differing = {name for name in quick if quick[name] != standard[name]}
    intervals = {"log_every", "sample_every", "metrics_every", "checkpoint_every"}
    pace = {"batch_size", "penalty_interval", "learning_rate", "final_learning_rate", "ema_images", "gamma", "burn_in"}
    assert differing == {"preset", "images", "held_out", "patience", "generator_widths"} | intervals | pace
    assert quick["images"] < standard["images"] / 8
    assert quick["batch_size"] * quick["penalty_interval"] == standard["batch_size"] * standard["penalty_interval"]
    assert (quick["held_out"], quick["patience"]) == (0, 0), "a short run has no early stopping"


def test_best_is_a_longer_standard() -> None:
    best, standard = (TrainingSpec.from_preset(p).model_dump() for p in ("best", "standard"))
    assert {name for name in best if best[name] != standard[name]} == {"preset", "images", "patience"}
    assert best["images"] == 6_000_000


def test_few_is_short_and_adapts_without_held_out_pictures() -> None:
    few, standard = (TrainingSpec.from_preset(p) for p in ("few", "standard"))
    assert (few.augment, few.augment_turns, few.held_out, few.patience, few.threads) == ("adaptive", False, 0, 0, 1)
    assert few.images < standard.images / 8
    assert "mostly varies what it has seen" in PRESET_SUMMARIES["few"]


def test_a_spec_without_the_stopping_rule_fields_is_still_valid() -> None:
    shipped = Repository(SHIPPED).get("digits", 1).manifest.spec
    old = {name: value for name, value in shipped.items() if name not in ("held_out", "patience")}
    spec = TrainingSpec.model_validate(old)
    assert (spec.preset, spec.held_out, spec.patience) == ("standard", 0, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"images": 0},
        {"batch_size": 1},
        {"learning_rate": 0},
        {"beta1": 1},
        {"gamma": -1},
        {"seed": 2**32},
        {"dataset": "CIFAR"},
        {"dataset": "mine@12"},
        {"generator_widths": (8, 8)},
        {"discriminator_widths": (8, 8)},
        {"network": "mlp", "discriminator_network": "conv", "discriminator_widths": (8, 8)},
        {"learning_rate": 1e-5},
        {"held_out": 20_001},
        {"held_out": 999, "patience": 1},
        {"metrics_every": 0, "patience": 1},
        {"gamma": float("nan")},
        {"network": "mlp", "discriminator_network": "conv", "stem_channels": 8},
        {"discriminator_widths": (8, 8, 8, 8, 8, 8)},
    ],
    ids=str,
)
def test_an_invalid_spec_is_rejected(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainingSpec.from_preset("standard", **fields)


def test_a_spec_is_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrainingSpec().seed = 1
