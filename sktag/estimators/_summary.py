"""The layers of a network as a table: shapes, parameters, cost, receptive fields."""

import html
from dataclasses import replace
from numbers import Integral

import torch
from torch import nn

from sktag.estimators._network import NetworkSpec
from sktag.training._start import find_frozen, freeze_layers

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_HEADERS = ("layer", "output", "parameters", "multiply-adds", "receptive field")


class Summary:
    """Table of a network's layers, shown as text and, in a notebook, as HTML."""

    def __init__(self, title, rows, unit):
        self.title = title
        self.rows = rows
        self.unit = unit
        self.n_parameters = sum(row["n_parameters"] for row in rows)
        self.n_frozen = sum(row["n_parameters"] for row in rows if row["is_frozen"])
        self.n_multiply_adds = sum(row["n_multiply_adds"] for row in rows)

    def _cells(self):
        for row in self.rows:
            field, ms = row["receptive_field"], row["receptive_field_ms"]
            unit = self.unit.removesuffix("s") if field == 1 else self.unit
            seen = "" if field is None else f"{field:,} {unit}"
            if ms is not None:
                seen += f", {ms:,.1f} ms"
            yield (
                row["layer"] + (", frozen" if row["is_frozen"] else ""),
                " x ".join(map(str, row["output_shape"])),
                f"{row['n_parameters']:,}" if row["n_parameters"] else "",
                f"{row['n_multiply_adds']:,}" if row["n_multiply_adds"] else "",
                seen,
            )
        yield "total", "", f"{self.n_parameters:,}", f"{self.n_multiply_adds:,}", ""
        if self.n_frozen:
            n_trained = self.n_parameters - self.n_frozen
            yield "trained", "", f"{n_trained:,}", "", ""

    def __repr__(self):
        """Show the table as text."""
        table = [_HEADERS, *self._cells()]
        widths = [max(len(row[i]) for row in table) for i in range(len(_HEADERS))]
        lines = [
            "  ".join(
                cell.rjust(width) if i in (2, 3) else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        ]
        rule = "  ".join("-" * width for width in widths)
        end = 1 + len(self.rows)
        body = [self.title, "", lines[0], rule, *lines[1:end], rule, *lines[end:]]
        return "\n".join(body)

    def _repr_html_(self):
        def row(cells, tag):
            align = ("left", "left", "right", "right", "left")
            return "".join(
                f"<{tag} style='text-align:{how}'>{html.escape(cell)}</{tag}>"
                for cell, how in zip(cells, align, strict=True)
            )

        body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in self._cells())
        head = f"<thead><tr>{row(_HEADERS, 'th')}</tr></thead>"
        title = f"<caption>{html.escape(self.title)}</caption>"
        return f"<table>{title}{head}<tbody>{body}</tbody></table>"


class SummaryMixin:
    """The method `summary` of the estimators."""

    def summary(self, input_shape=None, n_outputs=None):
        """Describe the network layer by layer, without training or computing.

        Parameters
        ----------
        input_shape : tuple of int, default=None
            Shape of one clip or chunk: (n_bins, n_frames), or (n_samples,). By default
            that of the trained network, or, before `fit`, the published input of the
            architecture, with the length of `chunk_size` if that is a number.
        n_outputs : int > 0, default=None
            Number of outputs; by default that of the trained network, or 50.

        Returns
        -------
        Summary
            Layers, output shapes, parameters, multiply-adds and receptive fields, shown
            as text or HTML. After `fit` and without arguments it describes the trained
            network, else one with the present parameters.

        Raises
        ------
        ValueError
            If `input_shape` is malformed or unknown, or does not fit the parameters.
        """
        spec, seconds, trained = self._present_spec(), None, None
        if hasattr(self, "module_"):
            fitted = self._fitted
            trained = fitted.network
            if input_shape is None and n_outputs is None:
                spec = trained
            else:
                spec = replace(
                    spec, input_shape=trained.input_shape, n_outputs=trained.n_outputs
                )
            if self.sr_ is not None and fitted.hop_length is not None:
                seconds = fitted.hop_length / self.sr_
        given = {"input_shape": input_shape, "n_outputs": n_outputs}
        spec = replace(spec, **{k: v for k, v in given.items() if v is not None})
        if input_shape is not None:
            self._check_input_shape(input_shape)
        if not spec.input_shape:
            raise ValueError(
                "the input shape of a network of your own is not known before fit: "
                "give input_shape=..."
            )
        # On the meta device nothing is drawn and nothing is stored.
        with torch.device("meta"):
            module, name, _ = spec.build()
        if spec is trained:
            freeze_layers(module, self._fitted.start.frozen)
        else:
            freeze_layers(module, find_frozen(module, self.freeze))
        size = " x ".join(map(str, spec.input_shape))
        unit = "samples" if self._takes == "wave" else "frames"
        return summarize(
            module, f"{name}, input {size}", spec.input_shape, unit, seconds
        )

    def _present_spec(self):
        """Return the network of the present parameters, for its published input."""
        record, shape = self._record(), ()
        if record is not None:
            shape = record.published(**self._sizes()).input_shape
            if isinstance(self.chunk_size, Integral):
                shape = (*shape[:-1], int(self.chunk_size))
        elif isinstance(self.architecture, str):
            shape = (1,)  # `build` says which architectures there are
        return NetworkSpec(self._family, self.architecture, shape, 50, self._sizes())

    def _check_input_shape(self, shape):
        """Raise if a shape is not that of a clip."""
        axes = ("n_samples",) if self._takes == "wave" else ("n_bins", "n_frames")
        is_shape = isinstance(shape, (tuple, list)) and len(shape) == len(axes)
        if not is_shape or not all(isinstance(n, Integral) and n > 0 for n in shape):
            example = (59049,) if self._takes == "wave" else (64, 216)
            form = ", ".join(axes) + ("," if len(axes) == 1 else "")
            raise ValueError(
                f"input_shape={shape!r} is not the shape of one clip or chunk: give "
                f"({form}), such as {example}."
            )


def summarize(module, title, input_shape, unit, seconds=None):
    """Describe a network, without computing anything."""
    rows, fields, counted = [], _Fields(), set()

    def count(layer):
        new = [p for p in layer.parameters() if p not in counted]
        counted.update(new)
        return sum(p.numel() for p in new)

    def describe(layer, inputs, named, output):
        given = [*inputs, *named.values()]
        if isinstance(output, tuple):  # recurrent layers: the states of all frames
            output = output[0]
        field = fields.after(layer, given[0] if given else None, output)
        own = list(layer.parameters())
        rows.append(
            {
                "is_frozen": bool(own) and not any(p.requires_grad for p in own),
                "layer": f"{names[layer] or 'the network'} ({type(layer).__name__})",
                "output_shape": tuple(output.shape[1:]),
                "n_parameters": count(layer),
                "n_multiply_adds": _multiply_adds(layer, output),
                "receptive_field": field,
                "receptive_field_ms": None
                if field is None or seconds is None
                else 1000 * seconds * field,
            }
        )

    module.eval()
    names = {layer: name for name, layer in module.named_modules()}
    for layer in names:
        # Besides the leaves, layers with parameters of their own, such as attention.
        is_leaf = not list(layer.children())
        is_empty = is_leaf and isinstance(layer, (nn.Sequential, nn.Identity))
        if is_empty or not (is_leaf or list(layer.parameters(recurse=False))):
            continue
        layer.register_forward_hook(describe, with_kwargs=True)
    with torch.no_grad(), torch.device("meta"):
        module(torch.empty(2, *input_shape))
    return Summary(title, rows, unit)


def _multiply_adds(layer, output):
    """Return the multiply-adds of one clip."""
    if isinstance(layer, _CONVOLUTIONS):
        return output[0].numel() * layer.weight[0].numel()
    if isinstance(layer, nn.Linear):
        return output[0].numel() * layer.in_features
    if isinstance(layer, nn.RNNBase):
        n_steps = output.shape[1 if layer.batch_first else 0]
        return n_steps * sum(p.numel() for p in layer.parameters() if p.ndim > 1)
    return 0


class _Fields:
    """The receptive field on the last axis, from layer to layer.

    Where branches join (a sum, a concatenation), it is that of the widest.
    """

    def __init__(self):
        # By id of a tensor, which is kept so that no other gets the id.
        self._known = {}
        self._widest = (1, 1)

    def after(self, layer, x, output):
        """Return the field after a layer; None where it is the whole input."""
        field, step = self._known.get(id(x), (None, self._widest))[1]
        size = getattr(layer, "kernel_size", None)
        if size is not None:
            stride = getattr(layer, "stride", size)
            dilation = getattr(layer, "dilation", 1)
            field += (_last(size) - 1) * _last(dilation) * step
            step *= _last(stride)
        self._known[id(output)] = (output, (field, step))
        if field >= self._widest[0]:
            self._widest = (field, step)
        is_local = output.ndim > 2 and not isinstance(layer, nn.RNNBase)
        return field if is_local else None


def _last(size):
    return size if isinstance(size, int) else size[-1]
