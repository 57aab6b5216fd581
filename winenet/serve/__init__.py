"""What a trained model is used for: predictions of raw rows, a description, ONNX."""
