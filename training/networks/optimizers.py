"""torch's optimisers without its compiler, which they import when they are made and at each step: two seconds of every
process that trains, though nothing here is compiled.

What torch wraps for the compiler is unwrapped, and is otherwise the same code: the same numbers to the last bit.
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
    """Liu & Nocedal 1989; its step is not wrapped."""
