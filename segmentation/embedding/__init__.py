"""Rows to text, text to numbers: one line of text per customer, 384 numbers per line."""

from segmentation.embedding.encoder import DEFAULT_MODEL, Encoder
from segmentation.embedding.files import embed, load_or_embed, read_embedding, read_provenance
from segmentation.embedding.text import EmbeddingError, rows_to_text

__all__ = [
    "DEFAULT_MODEL",
    "EmbeddingError",
    "Encoder",
    "embed",
    "load_or_embed",
    "read_embedding",
    "read_provenance",
    "rows_to_text",
]
