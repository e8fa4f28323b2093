"""What a person sees of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from training.trainer import StepFigures


class Progress:
    """Follows a run of so many images. A context manager."""

    def __init__(self, images: int, console: Console | None = None) -> None:
        self.images = images
        self.console = console or Console()
        self._bar: Bar | None = None
        if self.console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[figures]}"),
                console=self.console,
            )
            self._task = self._bar.add_task("images", total=images, figures="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, seen: int, figures: StepFigures, rate: float, eta: float) -> None:
        """Show where the run is: images seen, losses, D(real), D(fake), images/s, and seconds to go."""
        text = (
            f"D {figures.loss_discriminator:.3f}  G {figures.loss_generator:.3f}  "
            f"D(real) {figures.d_real:.2f}  D(fake) {figures.d_fake:.2f}  "
            f"{rate:.0f} images/s  {timedelta(seconds=round(max(eta, 0)))} to go"
        )
        if self._bar:
            self._bar.update(self._task, completed=seen, figures=text)
        else:
            self.console.print(f"{seen:>9,}/{self.images:,}  {text}", soft_wrap=True, highlight=False)

    def note(self, text: str) -> None:
        """Say something that happened once."""
        self.console.print(f"{'':>9} {text}", soft_wrap=True, highlight=False)
