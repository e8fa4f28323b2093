"""The quality figures on cases with a known result."""

from __future__ import annotations

import pytest
import torch

from training.datasets import PUBLISHED
from training.datasets.tensors import Dataset, load
from training.errors import TrainingError
from training.evaluation import judges
from training.evaluation.distance import KernelDistance, _Given, density_coverage, fid, kid


def gaussian(mean: float, deviation: float = 1.0, count: int = 4000, seed: int = 0) -> torch.Tensor:
    return mean + deviation * torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))


def test_fid_of_two_gaussians_matches_the_formula() -> None:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 sqrt(C1 C2)), which is 8 * (3^2 + (2 - 1)^2) for isotropic Gaussians."""
    assert fid(gaussian(0), gaussian(3, 2, seed=1)) == pytest.approx(80, rel=0.03)
    assert fid(gaussian(0), gaussian(0, seed=1)) < 0.05
    assert fid(gaussian(0), gaussian(0)) == pytest.approx(0, abs=1e-6)


def test_kid_is_unbiased_and_repeatable_and_keeps_the_global_rng_state() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    same = kid(gaussian(0), gaussian(0, seed=1))
    assert torch.equal(torch.get_rng_state(), state)
    assert abs(same[0]) < 3 * same[1]
    assert kid(gaussian(0), gaussian(0, seed=1)) == same
    assert kid(gaussian(0), gaussian(0.5, seed=1))[0] > 10 * same[1]


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_kid_equals_that_of_torchmetrics_to_the_bit() -> None:
    from torchmetrics.image.kid import KernelInceptionDistance

    real, distance = gaussian(0), KernelDistance(gaussian(0), subsets=10, subset_size=300)
    for fake in (gaussian(0.1, seed=1), gaussian(0.5, seed=2), gaussian(0.5, count=500, seed=3)):
        theirs = KernelInceptionDistance(_Given(8), subsets=10, subset_size=300)
        theirs.update(real, real=True)
        theirs.update(fake, real=False)
        torch.manual_seed(0)
        assert distance.to(fake) == tuple(float(value) for value in theirs.compute())


def test_density_and_coverage_match_a_manual_calculation() -> None:
    """Five real points on a line with k=1 have balls of radius 1 around 0, 1, 2 and 3, and of radius 2 around 5."""
    real = torch.tensor([[0.0], [1.0], [2.0], [3.0], [5.0]])
    fake = torch.tensor([[0.5], [6.5]])
    # 0.5 is in the balls around 0 and 1, and 6.5 in the ball around 5
    assert density_coverage(real, fake, k=1) == (pytest.approx(1.5), pytest.approx(3 / 5))
    assert density_coverage(real, real + 100, k=1) == (0, 0)


def test_coverage_drops_with_a_missing_mode_and_density_with_outliers() -> None:
    real = torch.cat([gaussian(0, count=500), gaussian(20, count=500, seed=1)])
    complete = torch.cat([gaussian(0, count=500, seed=2), gaussian(20, count=500, seed=3)])
    dropped = gaussian(0, count=1000, seed=4)
    outliers = complete + 4 * torch.randn(complete.shape, generator=torch.Generator().manual_seed(5))
    assert density_coverage(real, complete)[1] > 0.9
    assert density_coverage(real, dropped)[1] < 0.55
    assert density_coverage(real, outliers)[0] < 0.1 * density_coverage(real, complete)[0]


@pytest.mark.parametrize(("name", "accuracy"), [("mnist", 0.98), ("letters", 0.94)])
def test_the_bundled_judge_classifies_real_pictures(name: str, accuracy: float) -> None:
    test = load(name, "test")
    judge, sha256 = judges.load(PUBLISHED[name])
    judgement = judges.judge(judge, test.images[:2000])
    assert judgement.features.shape == (2000, 128)
    assert judgement.accuracy(test.labels[:2000]) > accuracy
    assert torch.allclose(judgement.probabilities.sum(1), torch.ones(2000), atol=1e-5)
    assert len(sha256) == 64
    assert judges.path_of(PUBLISHED[name]).stat().st_size < 1_000_000


def test_the_error_about_a_missing_or_damaged_judge_has_the_remedy(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "FOLDER", tmp_path)
    with pytest.raises(TrainingError, match="python -m training classifier mnist"):
        judges.load(PUBLISHED["mnist"])
    judges.path_of(PUBLISHED["mnist"]).write_bytes(b"junk")
    with pytest.raises(TrainingError, match="Restore it from git"):
        judges.load(PUBLISHED["mnist"])


def test_a_judge_learns_and_is_repeatable(mnist: Dataset) -> None:
    subset = Dataset(mnist.info, mnist.split, mnist.images[:4000], mnist.labels[:4000])
    losses: list[float] = []
    fitted = [judges.fit(subset, lambda _, loss: losses.append(loss), epochs=2) for _ in range(2)]
    assert losses[:2] == losses[2:]
    assert losses[1] < losses[0]
    assert judges.judge(fitted[0], mnist.images[50_000:51_000]).accuracy(mnist.labels[50_000:51_000]) > 0.9


def test_features_are_equal_with_and_without_gradients() -> None:
    images = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    torch.manual_seed(0)
    network = judges.ConvClassifier(10).eval()
    with_gradients = network(images)
    with torch.no_grad():
        without = network(images)
    assert all(torch.equal(a, b) for a, b in zip(with_gradients, without, strict=True))
