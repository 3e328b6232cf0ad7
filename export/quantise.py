"""Dynamic int8 quantisation of an encoder's graph."""

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from anabranch.export.graph import bare


def quantise(encoder: onnx.ModelProto) -> onnx.ModelProto:
    """The encoder with int8 weights of 7 bits, one scale an output channel.

    Matrix products with a constant and embedding tables are quantised. Per channel, since one scale a tensor breaks
    the similarities that neighbour-based estimators live on. Activations are scaled by what is in the batch, hence
    such a graph is run one text at a time. Seven bits, since CPUs without VNNI add two products of 8-bit numbers in 16
    bits, where they saturate: one bundle would decide differently from machine to machine.

    Args:
        encoder: what `export_encoder` gave; it is left as it is.
    """
    unnoted = bare(encoder)  # shapes that the exporter noted contradict those the quantiser infers
    # the exporter's optimiser has done what the quantiser would advise otherwise
    onnx.helper.set_model_props(unnoted, {"onnx.quant.pre_process": "onnxruntime.quant"})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        quantize_dynamic(
            unnoted,
            path,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        return bare(onnx.load(path))
