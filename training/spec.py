"""What can be asked of a training run: `TrainingSpec` and the presets. Free of torch, so that the service can read it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

DatasetName = Literal["mnist", "fashion-mnist"]
PresetName = Literal["lecture", "standard", "quick", "best"]
MAX_IMAGES = 1_000_000_000
ENOUGH_HELD_OUT = 1_000
"""Fewer held-out pictures are too few to judge by."""
TRAINED = ("indistinguishable", "plateau", "budget")
"""The reasons for which a run ends of itself, with something to publish. The others: stopped, diverged, failed."""
ARCHITECTURE = (
    "network",
    "conditional",
    "z_dim",
    "generator_widths",
    "stem_channels",
    "discriminator_widths",
    "grey_scale",
)
"""The fields in which a run must agree with the version whose weights it starts from; and the number of classes."""
GreyScaleName = Literal["linear", "logarithmic", "equalised"]
Width = Annotated[int, Field(ge=1, le=4096)]


class TrainingSpec(BaseModel):
    """Everything that decides the outcome of a run. Two equal specs on one machine give equal losses to the last bit, unless
    `minutes` bounds them.

    Counts are in images, not steps or epochs, so that runs of different batch sizes can be compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    preset: PresetName = "standard"
    """The preset this spec started from; other fields may differ from it."""
    dataset: DatasetName = "mnist"
    """What to learn to draw."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Seeds the weights, the order of the data and the noise."""
    conditional: bool = True
    """Whether both networks are told the class, so that a class can be asked for."""

    z_dim: int = Field(default=100, ge=1, le=1024)
    """Length of the latent vector; the lecture's 100 random numbers."""
    network: Literal["mlp", "conv"] = "conv"
    """Fully connected networks, or convolutional ones."""
    discriminator_network: Literal["mlp", "conv"] | None = None
    """The discriminator's kind, where it is not the generator's."""
    generator_widths: tuple[Width, ...] = Field(default=(64, 64, 16), min_length=1, max_length=8)
    """mlp: hidden units of each layer. conv: channels at 7x7, inside its residual block, at 14x14 and, if there is a fourth
    number, at 28x28. Without it the pixels are made at 14x14, four in a place (sub-pixel convolution, arXiv:1609.05158)."""
    stem_channels: Width | None = None
    """Channels at 7x7 of a conv generator's first, fully connected layer; a convolution widens them to generator_widths[0].
    None: as many as that, and no such convolution."""
    discriminator_widths: tuple[Width, ...] = Field(default=(32, 64, 128, 256), min_length=1, max_length=8)
    """mlp: hidden units of each layer. conv: channels at 14x14, 7x7 and 4x4, and hidden units of the head; five numbers begin
    with the channels of a convolution at 28x28."""
    grey_scale: GreyScaleName = "linear"
    """The scale of greys on which both networks work (`training.networks.grey_scale`). linear: the grey level. logarithmic:
    dark levels stretched. equalised: half the level, half its rank among the training pixels. On the last two the generator is
    trained on whole grey levels, and the discriminator sees the picture on both scales."""

    loss: Literal["bce", "relativistic"] = "relativistic"
    """bce: the lecture's cross-entropy (Goodfellow 2014, arXiv:1406.2661). relativistic: RpGAN with R1 and R2
    gradient penalties, as in R3GAN (arXiv:2501.05441)."""
    gamma: float = Field(default=0.25, ge=0, le=1000)
    """Weight of the R1 and R2 gradient penalties, for pixels in 0..1. 0 switches them off."""
    first_gamma: float | None = Field(default=None, ge=0, le=1000)
    """The weight at the start; it falls to gamma along half a cosine over the first `burn_in` images (R3GAN does so). None:
    gamma from the start."""
    burn_in: int = Field(default=0, ge=0, le=MAX_IMAGES)
    """Images over which first_gamma becomes gamma."""
    final_gamma: float | None = Field(default=None, ge=0, le=1000)
    """The weight at the end; gamma falls to it along half a cosine over the whole run. None: it stays."""
    augment: Literal["none", "adaptive"] = "none"
    """adaptive: the discriminator sees flipped, turned and moved pictures with a probability that rises while it tells the
    training pictures from the held-out ones (ADA, arXiv:2006.06676)."""
    translate: int = Field(default=0, ge=0, le=8)
    """The discriminator sees every picture, real or generated, moved by up to so many pixels each way, so that it tires of
    the training pictures later (DiffAugment, arXiv:2006.10738). 0: as they are."""
    penalty_interval: int = Field(default=8, ge=1, le=64)
    """The penalties are computed every so many steps and weighted up accordingly (lazy regularisation,
    StyleGAN2, arXiv:1912.04958)."""

    images: int = Field(default=1_800_000, ge=1, le=MAX_IMAGES)
    """Real images shown to the discriminator in all; the length of the run."""
    minutes: float | None = Field(default=None, gt=0, le=100_000)
    """Ends the run after so many minutes of training if it has not seen its images by then; the learning rate then falls with
    the clock. Such a run depends on how fast its machine is, so it cannot be repeated to the bit."""
    initial_weights: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """sha256 of the `weights.pt` of a published version to start from (a warm start). The file lies in the run's folder as
    `initial.pt`. Without it the weights are random."""
    held_out: int = Field(default=0, ge=0, le=20_000)
    """Training pictures that neither network is shown, kept for deciding when to stop: KID is measured against them, and the
    two-sample test made on them, if they are at least 1,000. Always the same ones of a dataset."""
    patience: int = Field(default=0, ge=0, le=MAX_IMAGES)
    """Images without a lower KID after which the run has reached a plateau and ends, though not before the burn-in of
    first_gamma is over. The learning rate falls to the end of `images`, and KID with it: so be long. 0: never."""
    batch_size: int = Field(default=64, ge=2, le=4096)
    """Real images a step."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What the networks compute in while they train. auto: bfloat16 where the processor has instructions for it, which is
    up to twice as fast, else float32. Weights, averages and optimisers are float32 in either case."""
    learning_rate: float = Field(default=5e-4, gt=0, le=1)
    """Adam's learning rate for both networks at the start."""
    final_learning_rate: float = Field(default=2e-5, gt=0, le=1)
    """Adam's learning rate at the end; between the two it follows half a cosine."""
    decay_from: float = Field(default=0.0, ge=0, lt=1)
    """Part of the run over which the learning rate stays as it is at the start, before it falls."""
    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's decay of the gradient's mean."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's decay of the gradient's square."""
    ema_images: int = Field(default=50_000, ge=0, le=10_000_000)
    """Half-life, in images, of the exponential moving average of the generator's weights, which is what is exported.
    Shorter at the start of a run (at most a tenth of the images seen). 0: no averaging."""

    match_tones: bool = True
    """Whether the exported generator's grey levels are matched to those of the training pictures
    (`training.networks.histogram_matching`)."""

    log_every: int = Field(default=6_400, ge=1)
    """Images between two progress events."""
    sample_every: int = Field(default=100_000, ge=1)
    """Images between two grids of samples from fixed seeds."""
    metrics_every: int = Field(default=100_000, ge=0)
    """Images between two measurements of KID; the checkpoint with the lowest is kept as the best. 0: never."""
    checkpoint_every: int = Field(default=50_000, ge=1)
    """Images between two checkpoints."""
    threads: int = Field(default=2, ge=1, le=256)
    """Threads for torch. A part of the spec because sums in another order round differently."""

    @model_validator(mode="after")
    def _widths_fit_the_network(self) -> Self:
        if self.network == "conv" and len(self.generator_widths) not in (3, 4):
            raise ValueError(
                "network 'conv' takes three or four generator_widths (7x7, its residual block, 14x14, 28x28). Give as many, or "
                "choose network 'mlp'."
            )
        if (self.discriminator_network or self.network) == "conv" and len(self.discriminator_widths) not in (4, 5):
            raise ValueError(
                "a 'conv' discriminator takes four discriminator_widths (14x14, 7x7, 4x4, head), or five (28x28 before them). "
                "Give as many, or choose discriminator_network 'mlp'."
            )
        if self.stem_channels and self.network != "conv":
            raise ValueError("stem_channels belongs to network 'conv'. Leave it out, or choose network 'conv'.")
        if self.final_learning_rate > self.learning_rate:
            raise ValueError("final_learning_rate is above learning_rate. Lower it, or raise learning_rate.")
        return self

    @model_validator(mode="after")
    def _augmentation_has_what_it_compares_with(self) -> Self:
        if self.augment == "adaptive" and (self.held_out < ENOUGH_HELD_OUT or not self.metrics_every):
            raise ValueError(
                f"augment 'adaptive' compares with at least {ENOUGH_HELD_OUT} held_out pictures, and needs metrics_every. "
                "Raise both, or make augment 'none'."
            )
        return self

    @model_validator(mode="after")
    def _patience_has_what_it_waits_for(self) -> Self:
        if self.patience and not self.metrics_every:
            raise ValueError("patience waits for a lower KID, and none is measured. Raise metrics_every, or make patience 0.")
        if self.patience and self.held_out < ENOUGH_HELD_OUT:
            raise ValueError(
                f"patience needs at least {ENOUGH_HELD_OUT} held_out pictures to judge by. Raise held_out, or make patience 0."
            )
        return self

    @classmethod
    def from_preset(cls, preset: PresetName, /, **overrides: Any) -> Self:  # noqa: ANN401 - pydantic validates them
        """Return the preset with some fields replaced.

        Raises:
            pydantic.ValidationError: an override is unknown or out of its bounds.
        """
        return cls(**{"preset": preset, **PRESETS[preset], **overrides})


# A discriminator that is held back by the final gamma from the start wins for the first 40,000 images, in which its
# generator learns nothing.
STANDARD: dict[str, Any] = {"first_gamma": 1.0, "burn_in": 100_000, "held_out": 4_000, "patience": 600_000}
PRESETS: dict[PresetName, dict[str, Any]] = {
    # The lecture's GAN: two fully connected networks and binary cross-entropy, nothing else. The discriminator's sigmoid is
    # computed together with the logarithm of the cross-entropy, which is the same and cannot overflow.
    "lecture": {
        "conditional": False,
        "network": "mlp",
        "generator_widths": (128, 256, 512),
        "discriminator_widths": (512, 256),
        "loss": "bce",
        "gamma": 0.0,
        "images": 3_000_000,
        "learning_rate": 2e-4,
        "final_learning_rate": 2e-4,
        "beta1": 0.5,
        "beta2": 0.999,
        "ema_images": 0,
        "match_tones": False,
        "held_out": 4_000,
        "patience": 500_000,  # its learning rate does not fall, so what has not come by then is not to be waited for
    },
    # What the shipped digits and fashion are trained with, but for a lower gamma: see docs/quality.md.
    "standard": STANDARD,
    # `standard` cut down, for trying things out.
    "quick": STANDARD
    | {
        "images": 200_000,
        "held_out": 0,
        "patience": 0,
        "log_every": 1_600,
        "sample_every": 25_000,
        "metrics_every": 50_000,
        "checkpoint_every": 50_000,
    },
    # `standard` for whoever has the time.
    "best": STANDARD | {"images": 6_000_000, "patience": 1_500_000},
}
PRESET_SUMMARIES: dict[PresetName, str] = {
    "lecture": "the lecture's GAN to the letter: fully connected, sigmoid, binary cross-entropy, unconditional; ten minutes on "
    "2 cores",
    "standard": "class-conditional convolutional GAN, relativistic loss with R1 and R2, averaged generator; about 45 minutes",
    "quick": "standard, cut to five minutes",
    "best": "standard, on more than three times the images; two and a half hours",
}
