"""Networks as ONNX files that need no torch: half precision at rest, single precision at work."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from neural_priors.codes import HEIGHTS, SIZES
from neural_priors.frames import VOICES, chord_names
from neural_priors.model import Factors
from neural_priors.scorer import ORDER, Scorer, earlier

SMALL = 256  # Weights of fewer numbers stay as they are.
_EXAMPLE = 7  # Columns of the piece that the exporter watches.


class _Factors(nn.Module):
    """One piece in, everything that the solver weighs out."""

    def __init__(self, net: Factors) -> None:
        super().__init__()
        self.net = net

    def forward(self, voices: Tensor, later: Tensor, signs: Tensor) -> tuple[Tensor, ...]:
        suits = self.net(voices[None], later[None], signs[None])
        return (
            suits.chords[0], suits.members[0], *(heights[0] for heights in suits.heights),
            self.net.moves * 1.0, self.net.stays * 1.0, self.net.steps * 1.0,
            self.net.usual * 1.0,
        )  # fmt: skip


class _Scorer(nn.Module):
    """One piece and some of its columns in, ln p of every bass, tenor and alto there, out."""

    def __init__(self, net: Scorer) -> None:
        super().__init__()
        self.net = net

    def forward(self, voices: Tensor, later: Tensor, signs: Tensor, columns: Tensor) -> Tensor:
        """Return [columns, bass, tenor, alto]; the last place of each is silence."""
        context = self.net.context(voices[None], later[None], signs[None])[0][columns]
        past, here = earlier(voices[None])[0].T[columns], voices.T[columns]
        out = functional.log_softmax(self.net.wishes(0, context, here, past), -1)
        for place in (1, 2):
            sizes = [HEIGHTS[v] + 1 for v in ORDER[:place]]
            grid = torch.cartesian_prod(*(torch.arange(n) for n in sizes)).reshape(-1, place)
            sung = dict(zip(ORDER[:place], grid.T, strict=True))
            notes = torch.stack(
                [
                    sung[v][None].expand(columns.shape[0], -1) if v in sung
                    else here[:, v, None].expand(-1, len(grid))
                    for v in range(len(VOICES))
                ],
                -1,
            )  # fmt: skip
            wide = [t[:, None].expand(-1, len(grid), -1) for t in (context, past)]
            said = self.net.wishes(place, wide[0], notes, wide[1])
            said = functional.log_softmax(said, -1).unflatten(1, sizes)
            out = out[..., None] + said
        return out


def written(factors: Factors, scorer: Scorer, folder: Path, split: str) -> list[Path]:
    """Write FOLDER/factors-SPLIT.onnx and scorer-SPLIT.onnx; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = chord_names()
    said = {
        "split": split,
        "members": json.dumps(names.members),
        "qualities": json.dumps(names.qualities),
    }
    voices = [f"heights_{voice}" for voice in VOICES]
    outputs = ["chords", "members", *voices, "moves", "stays", "steps", "usual"]
    first = _export(_Factors(factors), _piece(), outputs, said)
    second = _export(_Scorer(scorer), {**_piece(), "columns": _numbers(3)}, ["voicings"], said)
    out = []
    for name, model in (("factors", first), ("scorer", second)):
        path = folder / f"{name}-{split}.onnx"
        part = path.with_suffix(".part")
        part.write_bytes(halved(model).SerializeToString())
        os.replace(part, path)
        out.append(path)
    return out


def _numbers(*sizes: int) -> Tensor:
    return torch.zeros(*sizes, dtype=torch.int64)


def _piece() -> dict[str, Tensor]:
    """Return a piece for the exporter to watch."""
    return {
        "voices": _numbers(len(VOICES), _EXAMPLE),
        "later": _numbers(_EXAMPLE),
        "signs": _numbers(len(SIZES), _EXAMPLE),
    }


def _export(
    net: nn.Module, inputs: dict[str, Tensor], outputs: Sequence[str], said: dict[str, str]
) -> Any:
    """Return a network as an ONNX model for pieces of any length."""
    net.eval()
    piece = torch.export.Dim("piece", min=1, max=100_000)
    some = torch.export.Dim("some", min=1, max=1000)
    shapes = {"voices": {1: piece}, "later": {0: piece}, "signs": {1: piece}, "columns": {0: some}}
    with warnings.catch_warnings():
        # The exporter warns of its own innards.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net, tuple(inputs.values()), dynamo=True, verbose=False,
            input_names=list(inputs), output_names=list(outputs),
            dynamic_shapes=tuple(shapes[name] for name in inputs),
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    helper.set_model_props(model, said)
    return model


def halved(model: Any) -> Any:
    """Return a model whose large weights are kept in half precision."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    casts = []
    for weight in list(graph.initializer):
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims, dtype=int) < SMALL:
            continue
        values = numpy_helper.to_array(weight).astype(np.float16)
        graph.initializer.remove(weight)
        graph.initializer.append(numpy_helper.from_array(values, f"{weight.name}_half"))
        casts.append(
            helper.make_node("Cast", [f"{weight.name}_half"], [weight.name], to=TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    onnx.checker.check_model(out)
    return out
