"""The configuration of a training run: `TrainingSpec` and the presets. Does not import torch, so the service can use it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

TaskName = Literal["generate", "sharpen"]
DATASET_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}(@[0-9a-f]{12})?$"
"""A dataset's name, or name@version for a certain version of an imported dataset: mine@1a2b3c4d5e6f."""
DatasetName = Annotated[str, Field(pattern=DATASET_PATTERN)]
PresetName = Literal["lecture", "lecture-modern", "standard", "quick", "best", "few", "sharpen", "sharpen-quick"]
MAX_IMAGES = 1_000_000_000
ENOUGH_HELD_OUT = 1_000
"""Minimum number of held-out pictures for a meaningful measurement."""
TRAINED = ("indistinguishable", "plateau", "budget")
"""End reasons of a completed run, which can be published. The others are stopped, diverged and failed."""
ARCHITECTURE = (
    "task",
    "degradation_label",
    "network",
    "conditional",
    "z_dim",
    "generator_widths",
    "stem_channels",
    "noise_map",
    "discriminator_widths",
    "grey_scale",
)
"""Fields that must match those of the version a warm start loads. The number of classes must match too."""
GreyScaleName = Literal["linear", "logarithmic", "equalised"]
Width = Annotated[int, Field(ge=1, le=4096)]


class TrainingSpec(BaseModel):
    """All parameters of a training run. Equal specs give bit-identical losses on the same machine, unless `minutes` is set.

    Counts are in images rather than steps or epochs, so runs with different batch sizes are comparable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    preset: PresetName = "standard"
    """The preset this spec is based on. Other fields may override it."""
    task: TaskName = "generate"
    """generate: pictures from latents. sharpen: one plausible original of a shrunk or blurred picture
    (`training.datasets.degradation`); each latent gives a different one."""
    dataset: DatasetName = "mnist"
    """The training dataset: mnist, fashion-mnist, letters, or an imported one (`python -m training datasets list`).
    name@version denotes a certain version of an imported dataset; the service always stores it so."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Seed of the weight initialisation, the data order and the noise."""
    conditional: bool = True
    """Whether both networks are conditioned on the class label, so that a class can be requested. Not for the task sharpen."""
    degradation_label: bool = True
    """Task sharpen: whether both networks receive the kind of degradation (shrunk to 14x14, to 7x7, or blurred)."""

    z_dim: int = Field(default=100, ge=1, le=1024)
    """Dimension of the latent vector. The lecture uses 100."""
    network: Literal["mlp", "conv"] = "conv"
    """Network type: fully connected or convolutional."""
    discriminator_network: Literal["mlp", "conv"] | None = None
    """Network type of the discriminator, if different from the generator's."""
    generator_widths: tuple[Width, ...] = Field(default=(64, 64, 16), min_length=1, max_length=8)
    """mlp: hidden units of each layer. conv: channels at 7x7, inside the residual block at 7x7, at 14x14 and, optionally, at
    28x28. Without the last, the output layer runs at 14x14 (sub-pixel convolution, arXiv:1609.05158). Task sharpen: channels
    at 14x14, at 7x7, and inside the residual block at 7x7."""
    stem_channels: Width | None = None
    """Channels at 7x7 of a conv generator's first, fully connected layer. A convolution widens them to generator_widths[0].
    None: the layer has generator_widths[0] channels and the convolution is omitted."""
    noise_map: bool = False
    """Whether a conv generator also takes a pseudo-random number for each pixel, computed from the latents, for detail that is
    random in the training pictures. Such detail changes abruptly while a latent moves."""
    discriminator_widths: tuple[Width, ...] = Field(default=(32, 64, 128, 256), min_length=1, max_length=8)
    """mlp: hidden units of each layer. conv: channels at 14x14, 7x7 and 4x4, and hidden units of the head. With five values,
    the first is the number of channels of a convolution at 28x28."""
    grey_scale: GreyScaleName = "linear"
    """Grey scale used by both networks (`training.networks.grey_scale`). linear: the grey level. logarithmic: stretches dark
    levels. equalised: averages the level and its rank among the training pixels. With the last two, the generator is trained
    on integer grey levels and the discriminator receives the picture on both scales."""

    loss: Literal["bce", "relativistic", "mse"] = "relativistic"
    """bce: the lecture's binary cross-entropy (Goodfellow 2014, arXiv:1406.2661). relativistic: RpGAN with R1 and R2
    gradient penalties, as in R3GAN (arXiv:2501.05441). mse: mean squared error without a discriminator, for the task sharpen
    only, as a baseline."""
    consistency: float = Field(default=0.0, ge=0, le=1000)
    """Task sharpen: weight of the mean squared difference between a blurred picture and the output, blurred again."""
    gamma: float = Field(default=0.25, ge=0, le=1000)
    """Weight of the R1 and R2 gradient penalties, for pixels in 0..1. 0 disables them."""
    first_gamma: float | None = Field(default=None, ge=0, le=1000)
    """Initial penalty weight, annealed to gamma with a half cosine over the first `burn_in` images, as in R3GAN. None: gamma
    from the start."""
    burn_in: int = Field(default=0, ge=0, le=MAX_IMAGES)
    """Images over which first_gamma is annealed to gamma."""
    final_gamma: float | None = Field(default=None, ge=0, le=1000)
    """Final penalty weight, to which gamma is annealed with a half cosine over the whole run. None: gamma is constant."""
    augment: Literal["none", "adaptive"] = "none"
    """adaptive: the discriminator receives flipped, rotated and translated pictures, with a probability that rises while it
    overfits (ADA, arXiv:2006.06676): while it distinguishes the training pictures from at least 1,000 held-out ones, or,
    without them, while it recognises too many training pictures as real."""
    augment_turns: bool = True
    """Whether adaptive augmentation flips and rotates. Set it to false for small datasets of pictures with an orientation, such
    as digits and letters: in a short run on few of them, the generator draws turned ones."""
    translate: int = Field(default=0, ge=0, le=8)
    """Maximum random translation, in pixels per axis, of every real and generated picture the discriminator receives. Delays
    its overfitting (DiffAugment, arXiv:2006.10738). 0: no translation."""
    penalty_interval: int = Field(default=8, ge=1, le=64)
    """Steps between two evaluations of the gradient penalties, whose weight is multiplied by this interval (lazy
    regularisation, StyleGAN2, arXiv:1912.04958)."""

    images: int = Field(default=1_800_000, ge=1, le=MAX_IMAGES)
    """Length of the run: total number of real images shown to the discriminator."""
    minutes: float | None = Field(default=None, gt=0, le=100_000)
    """Time limit in minutes of training. The run ends at this limit or after `images`, whichever comes first, and the learning
    rate decays accordingly. Such a run depends on the machine's speed, so it is not reproducible to the bit."""
    initial_weights: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """sha256 of the `weights.pt` of a published version to start from (warm start). The run's folder holds the file as
    `initial.pt`. None: random weights."""
    initial_networks: Literal["both", "generator"] = "both"
    """Which networks start from the initial weights. generator: the discriminator starts from random weights, so it may have
    other widths than that of the version."""
    held_out: int = Field(default=0, ge=0, le=20_000)
    """Number of training pictures withheld from both networks and used to decide when to stop. With at least 1,000, KID and
    the two-sample test are computed on them. The choice is fixed for each dataset. At most a third of a dataset is withheld,
    and none of a dataset of less than 3,000 pictures that has fewer than three times this number."""
    patience: int = Field(default=0, ge=0, le=MAX_IMAGES)
    """Images without a lower KID after which the run ends with a plateau, but not before the end of the burn-in of
    first_gamma. KID falls with the learning rate until the end of `images`, so choose a large value. 0: disabled."""
    batch_size: int = Field(default=64, ge=2, le=4096)
    """Real images per step."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the computation during training. auto: bfloat16 where the processor supports it natively, which is up to
    twice as fast, otherwise float32. Weights, averages and optimiser state are always float32."""
    learning_rate: float = Field(default=5e-4, gt=0, le=1)
    """Adam's initial learning rate, for both networks."""
    final_learning_rate: float = Field(default=2e-5, gt=0, le=1)
    """Adam's final learning rate, reached with a half-cosine decay."""
    decay_from: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the run during which the learning rate is constant, before it decays."""
    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Adam's decay rate of the first moment."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's decay rate of the second moment."""
    ema_images: int = Field(default=50_000, ge=0, le=10_000_000)
    """Half-life, in images, of the exponential moving average of the generator's weights, which is exported. Limited to a
    tenth of the images seen so far. 0: no averaging."""

    match_tones: bool = True
    """Whether to match the exported generator's grey levels to those of the training pictures
    (`training.networks.histogram_matching`)."""

    log_every: int = Field(default=6_400, ge=1)
    """Images between two progress events."""
    sample_every: int = Field(default=100_000, ge=1)
    """Images between two sample grids from fixed seeds."""
    metrics_every: int = Field(default=100_000, ge=0)
    """Images between two measurements of KID. The checkpoint with the lowest KID is kept as the best. 0: never."""
    checkpoint_every: int = Field(default=50_000, ge=1)
    """Images between two checkpoints."""
    threads: int = Field(default=2, ge=1, le=256)
    """Number of torch threads. Part of the spec because the summation order affects rounding."""

    @model_validator(mode="after")
    def _check_task(self) -> Self:
        if self.task == "generate":
            if self.loss == "mse" or self.consistency:
                raise ValueError("loss 'mse' and consistency require task 'sharpen'. Set task to 'sharpen', or leave them out.")
            return self
        if self.conditional or self.network != "conv" or self.discriminator_network == "mlp":
            raise ValueError(
                "task 'sharpen' requires conditional false and convolutional networks. Set conditional to false and network to "
                "'conv'."
            )
        if len(self.generator_widths) != 3 or len(self.discriminator_widths) not in (4, 5) or self.stem_channels:
            raise ValueError(
                "task 'sharpen' takes three generator_widths (14x14, 7x7, its residual block), four or five "
                "discriminator_widths, and no stem_channels. Give that many, and leave stem_channels out."
            )
        if self.grey_scale != "linear" or self.augment != "none" or self.translate:
            raise ValueError(
                "task 'sharpen' supports neither grey scales nor augmentation. Leave grey_scale, augment and translate out."
            )
        return self

    @model_validator(mode="after")
    def _check_widths(self) -> Self:
        if self.network == "conv" and self.task == "generate" and len(self.generator_widths) not in (3, 4):
            raise ValueError(
                "network 'conv' takes three or four generator_widths (7x7, its residual block, 14x14, 28x28). Give that many, "
                "or choose network 'mlp'."
            )
        if (self.discriminator_network or self.network) == "conv" and len(self.discriminator_widths) not in (4, 5):
            raise ValueError(
                "a 'conv' discriminator takes four discriminator_widths (14x14, 7x7, 4x4, head), or five (28x28 first). "
                "Give that many, or choose discriminator_network 'mlp'."
            )
        if self.stem_channels and self.network != "conv":
            raise ValueError("stem_channels requires network 'conv'. Leave it out, or choose network 'conv'.")
        if self.noise_map and (self.network != "conv" or self.task != "generate"):
            raise ValueError("noise_map requires network 'conv' and task 'generate'. Leave it out.")
        if self.final_learning_rate > self.learning_rate:
            raise ValueError("final_learning_rate is above learning_rate. Lower it, or raise learning_rate.")
        return self

    @model_validator(mode="after")
    def _check_patience(self) -> Self:
        if self.patience and not self.metrics_every:
            raise ValueError("patience requires KID, which is not measured. Raise metrics_every, or set patience to 0.")
        if self.patience and self.held_out < ENOUGH_HELD_OUT:
            raise ValueError(
                f"patience requires at least {ENOUGH_HELD_OUT} held_out pictures. Raise held_out, or set patience to 0."
            )
        return self

    @classmethod
    def from_preset(cls, preset: PresetName, /, **overrides: Any) -> Self:  # noqa: ANN401 - pydantic validates them
        """Return the preset with some fields replaced.

        Raises:
            pydantic.ValidationError: an override is unknown or out of bounds.
        """
        return cls(**{"preset": preset, **PRESETS[preset], **overrides})


# With the final gamma from the start, the discriminator dominates for the first 40,000 images and the generator learns
# nothing.
STANDARD: dict[str, Any] = {"first_gamma": 1.0, "burn_in": 100_000, "held_out": 4_000, "patience": 600_000}
SHARPEN: dict[str, Any] = {
    "task": "sharpen",
    "conditional": False,
    "generator_widths": (24, 64, 32),
    "gamma": 0.1,
    "first_gamma": 1.0,
    "burn_in": 100_000,
    "consistency": 20.0,
}
# The networks of the lecture.
FULLY_CONNECTED: dict[str, Any] = {
    "conditional": False,
    "network": "mlp",
    "generator_widths": (128, 256, 512),
    "discriminator_widths": (512, 256),
}
PRESETS: dict[PresetName, dict[str, Any]] = {
    # The lecture's GAN: two fully connected networks and binary cross-entropy. The discriminator's sigmoid is fused into the
    # cross-entropy, which is equivalent and cannot overflow.
    "lecture": FULLY_CONNECTED
    | {
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
        "patience": 500_000,  # the learning rate is constant, so a longer wait would not help
    },
    # The lecture's networks, trained like `standard`: see docs/quality.md. Batches of 128 are faster, but need the penalties
    # more often.
    "lecture-modern": STANDARD
    | FULLY_CONNECTED
    | {
        "gamma": 0.1,
        "augment": "adaptive",
        "augment_turns": False,
        "images": 1_500_000,
        "patience": 0,
        "batch_size": 128,
        "penalty_interval": 4,
        "learning_rate": 1e-3,
        "ema_images": 100_000,
        "metrics_every": 250_000,
        "threads": 1,
    },
    # The shipped digits and fashion use this with a lower gamma: see docs/quality.md.
    "standard": STANDARD,
    # A short `standard`, for experiments: what converges fastest, not what ends best. Small batches give more steps for the
    # same number of images, and the penalties are as frequent in images as with 64.
    "quick": STANDARD
    | {
        "generator_widths": (64, 24, 16),
        "gamma": 0.05,
        "burn_in": 40_000,
        "penalty_interval": 16,
        "images": 100_000,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "final_learning_rate": 5e-5,
        "ema_images": 10_000,
        "held_out": 0,
        "patience": 0,
        "log_every": 1_600,
        "sample_every": 12_500,
        "metrics_every": 25_000,
        "checkpoint_every": 25_000,
    },
    # A longer `standard`.
    "best": STANDARD | {"images": 6_000_000, "patience": 1_500_000},
    # For 20 to 2,000 pictures. All of them are shown to the networks, so there is no early stopping: KID against the training
    # pictures does not rise when the generator copies them. Small batches give more steps for the same number of images.
    "few": STANDARD
    | {
        "images": 200_000,
        "augment": "adaptive",
        "augment_turns": False,
        "batch_size": 32,
        "held_out": 0,
        "patience": 0,
        "log_every": 1_600,
        "sample_every": 20_000,
        "metrics_every": 40_000,
        "checkpoint_every": 40_000,
        "threads": 1,
    },
    # The shipped sharpeners.
    "sharpen": SHARPEN | {"images": 1_200_000, "held_out": 4_000, "sample_every": 50_000, "metrics_every": 50_000},
    "sharpen-quick": SHARPEN
    | {
        "images": 100_000,
        "burn_in": 50_000,
        "log_every": 1_600,
        "sample_every": 25_000,
        "metrics_every": 25_000,
        "checkpoint_every": 50_000,
    },
}
PRESET_SUMMARIES: dict[PresetName, str] = {
    "lecture": "the lecture's original GAN: fully connected, sigmoid, binary cross-entropy, unconditional; ten minutes on "
    "2 cores",
    "lecture-modern": "the lecture's networks, trained like standard; unconditional; five minutes on one core",
    "standard": "class-conditional convolutional GAN, relativistic loss with R1 and R2, averaged generator; about 45 minutes",
    "quick": "standard, shortened to two minutes by faster learning on fewer images",
    "best": "standard, with more than three times the images; two and a half hours",
    "few": "standard for 20 to 2,000 pictures, with adaptive augmentation; with so few pictures, the generator mostly varies "
    "what it has seen; about seven minutes on one core",
    "sharpen": "sharpens shrunk and blurred pictures, with the losses of standard; about an hour",
    "sharpen-quick": "sharpen, shortened to five minutes",
}
