"""How a router leaves: ONNX graph, bundle, and the torch-free session that reads it."""
