"""Rows to text, text to numbers: one line of text per customer, 384 numbers per line."""

from segmentation.embedding.encoder import DEFAULT_MODEL, Encoder, encode
from segmentation.embedding.files import embed, read_embedding
from segmentation.embedding.text import EmbeddingError, rows_to_text

__all__ = [
    "DEFAULT_MODEL",
    "EmbeddingError",
    "Encoder",
    "embed",
    "encode",
    "read_embedding",
    "rows_to_text",
]
