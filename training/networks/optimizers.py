"""torch's optimisers without torch.compile, whose import costs every training process two seconds although nothing is
compiled here.

The methods that torch wraps for its compiler are unwrapped. The code is otherwise the same and gives bit-identical results.
"""

from __future__ import annotations

import inspect

import torch


class _Uncompiled(torch.optim.Optimizer):
    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)


class Adam(_Uncompiled, torch.optim.Adam):
    """Kingma & Ba 2014 (arXiv:1412.6980)."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class AdamW(_Uncompiled, torch.optim.AdamW):
    """Loshchilov & Hutter 2017 (arXiv:1711.05101)."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class LBFGS(_Uncompiled, torch.optim.LBFGS):
    """Liu & Nocedal 1989. torch does not wrap its step."""
