"""Contrastive pre-training: QC-loss, momentum encoder, negative queue."""
