"""Progress display of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from training.loop.trainer import StepFigures


class _Quiet(Console):
    """A console that stops printing on a broken pipe, so that the run continues."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        sys.stdout = Path(os.devnull).open("w")


class Progress:
    """Context manager that displays the progress of a run.

    Args:
        images: length of the run.
        seen: images seen before this process started.
        console: output console. Defaults to standard output.
    """

    def __init__(self, images: int, seen: int = 0, console: Console | None = None) -> None:
        self.images = images
        self.console = console or _Quiet()
        self._bar: Bar | None = None
        if self.console.is_terminal:
            columns = (
                MofNCompleteColumn(),
                BarColumn(bar_width=None),
                TaskProgressColumn(),
                TextColumn("{task.fields[figures]}"),
            )
            self._bar = Bar(*columns, console=self.console, expand=True)
            self._task = self._bar.add_task("images", total=images, completed=seen, figures="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, seen: int, figures: StepFigures, rate: float, eta: float) -> None:
        """Show the images seen, images/s, remaining seconds, losses, D(real) and D(fake)."""
        pace = f"{rate:.0f} images/s, {timedelta(seconds=round(max(eta, 0)))} to go"
        losses = (
            f"D {figures.loss_discriminator:.3f}  G {figures.loss_generator:.3f}  "
            f"D(real) {figures.d_real:.2f}  D(fake) {figures.d_fake:.2f}"
        )
        if self._bar:
            text = f"{pace}  {losses}" if self.console.width >= 120 else pace
            self._bar.update(self._task, completed=seen, figures=text)
        else:
            self._say(f"{seen:>9,}/{self.images:,}  {pace}  {losses}")

    def note(self, text: str) -> None:
        """Print a one-off message."""
        self._say(f"{'':>9} {text}")

    def _say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True, highlight=False)
