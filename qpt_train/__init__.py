"""Pre-training, fine-tuning and evaluation of quality encoders."""
